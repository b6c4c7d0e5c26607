"""What import-linter does not check: single modules, those inside folders that need something of each other too."""

from graphlib import TopologicalSorter

import grimp


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph("tutti", "pipelines", "trainer", "serving", exclude_type_checking_imports=True)
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imported) > 150
    TopologicalSorter(imported).prepare()  # raises CycleError, which names the modules
