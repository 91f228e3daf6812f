"""The demo: the public figures, played over HTTP, cheated, exported, verified, tampered with."""

from pathlib import Path

import pytest

from app.demo.story import play


@pytest.mark.slow
def test_the_whole_story_happens_as_the_readme_tells_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = play(tmp_path / "demo")

    said = capfd.readouterr().out
    assert code == 0
    assert "the EU has paid 18,100,000,000.00 EUR; 15,000,000.00 EUR of its share" in said
    assert said.count("752,000,000.00 GBP  defence, proven by the receipts of entries") == 2
    assert "debits equal credits" in said
    assert "ok: every check passed" in said
    assert "WRONG: first bad seq" in said
    assert (tmp_path / "demo" / "era-audit.zip").exists()
