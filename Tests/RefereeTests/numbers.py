"""Two public packages as referees of tax codes and personal identification numbers.

Reads lines of a kind, a tab and a text; prints, line by line, the verdict: `0`, or `1` and, of a personal number, the
year of birth and the sex that it tells. The packages: python-stdnum (stdnum.vn.mst) and idnumbers (nationalid.VNM).
"""

import sys

from idnumbers.nationalid import VNM
from idnumbers.nationalid.constant import Gender
from stdnum.vn import mst


def verdict(kind: str, text: str) -> str:
    if kind == "tax-code":
        return "1" if mst.is_valid(text) else "0"
    if kind == "personal-number":
        reading = VNM.NationalID.parse(text)
        if reading is None:
            return "0"
        return f"1 {reading['yyyy']} {'male' if reading['gender'] == Gender.MALE else 'female'}"
    raise SystemExit(f"no referee of the kind {kind}")


def main() -> None:
    for line in sys.stdin.buffer.read().decode("utf-8").split("\n"):
        if line:
            kind, text = line.split("\t")
            print(verdict(kind, text))


if __name__ == "__main__":
    main()
