"""`make golden`: lives the stories anew and keeps their bundles, each with what it must give.

Only before the first release of a format: from then on its bundles are never made again. A rule, a
sentence, a table that is edited shows as a golden bundle that does not verify any more.
"""

import json
import shutil
import tempfile
from pathlib import Path

from app.audit.format.versions import NEWEST
from app.audit.verify import verify
from app.chain.policy import Policy
from app.store.engine import Database
from app.store.migrate import migrate
from tests.golden.stories import STORIES

HERE = Path(__file__).parent
RELEASED = HERE / "released.txt"
"""The formats whose bundles are never made again, a number a line."""


def main() -> None:
    """Write the newest format's folder. Raises SystemExit where that is released."""
    if str(NEWEST) in RELEASED.read_text().split():
        raise SystemExit(f"format {NEWEST} is released: its bundles are never made again")
    target = HERE / f"format-{NEWEST}"
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.db"
        database = Database(f"sqlite:///{template}")
        migrate(database)
        database.close()
        for name, story in STORIES.items():
            place, kept = Path(folder) / name, target / name
            place.mkdir()
            kept.mkdir(parents=True)
            with story(place, template) as service:
                service.export(kept / "bundle.zip")
                service.trust(kept / "trust.policy")
            policy = Policy.parse((kept / "trust.policy").read_bytes())
            report = verify(kept / "bundle.zip", policy).as_json()
            text = json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False)
            (kept / "report.json").write_text(text + "\n")
            print(f"{name}: {report['size']} entries, {report['result']}")


if __name__ == "__main__":
    main()
