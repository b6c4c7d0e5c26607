"""What a dataset is: its files and what they say (`manifest`), and the fields of its records (`schema`)."""
