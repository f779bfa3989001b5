"""Does the README's code do what it says, pasted as it is?"""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.leaks_unchecked("tests/diagnosis/test_what_if.py runs under it")
@pytest.mark.standard_promotion("it is code as users write it")
def test_the_code_runs_as_it_is_pasted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    code = "\n".join(blocks)
    scope: dict[str, object] = {"__name__": "pasted"}
    exec(compile(code, "README.md", "exec"), scope)
    printed = capsys.readouterr().out
    assert "critical  vanishing_gradient at hidden/0: The gradient becomes" in printed
    assert "8 recognised" in printed
    assert (tmp_path / "my_report.html").exists()
    assert scope["seen"]["hidden/0"].d_pre.shape == (64, 16)
    assert scope["found"].best.name == "sigmoid → tanh"
