"""Draft a migration: compare the tables in code with a freshly migrated database.

A draft is read and finished by hand. Tables of the log are never altered by batch: SQLite would
rebuild them and drop their guards on the way. Each migration ends with the guards verified.
"""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from app.store.engine import Database
from app.store.migrate import MIGRATIONS, migrate


def main(summary: str) -> None:
    """Write the next file in migrations/versions."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    number = len(list((MIGRATIONS / "versions").glob("[0-9]*.py"))) + 1
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'draft.db'}")
        migrate(database)
        with database.write() as connection:
            config.attributes["connection"] = connection
            command.revision(config, summary, autogenerate=True, rev_id=f"{number:04d}")
        database.close()


if __name__ == "__main__":
    main(sys.argv[1] or sys.exit("say what it does: make migration M=..."))
