"""`make vectors`: writes docs/vectors, and what docs/wire-format.md quotes of it."""

from tests.support import contract_page, contract_vectors

if __name__ == "__main__":
    contract_vectors.write()
    contract_page.write()
