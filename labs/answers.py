"""A student's answers, as people write them: lines of KEY: VALUE, numbers with
or without a unit, from any editor.
"""

import codecs
import os
import re
import stat

# Nobody writes, and no exercise makes, larger files.
MOST_ANSWERS, MOST = 1 << 16, 1 << 26

COMMENT = re.compile(r"#(?!\d).*")  # but #7 is how some write a frame's number
NUMBER = re.compile(r"#?(0x[0-9a-f]+|[0-9]+)(?:[a-z]+)?$", re.I)
BARE_HEX = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{4,16}$", re.I)


class Unfit(Exception):
    """A file that cannot be judged; one line."""


def fit_file(path, most=MOST):
    """@path, if reading it ends: what students leave may be a pipe, or have no
    end.
    """
    name = os.path.basename(path)
    try:
        status = os.stat(path)
    except OSError as e:
        raise Unfit(f"{name}: {e.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise Unfit(f"{name}: is not a file")
    if status.st_size > most:
        raise Unfit(f"{name}: has {status.st_size} bytes, more than this "
                    "exercise makes")
    return path


def text_of(path, most=MOST):
    """Whatever its editor took for text."""
    try:
        with open(fit_file(path, most), "rb") as file:
            data = file.read()
    except OSError as e:
        raise Unfit(f"{os.path.basename(path)}: {e.strerror}") from None
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if wide else "utf-8-sig", errors="replace")


def words_in(text):
    return [w.rstrip(".;!") for w in re.split(r"[\s,]+", text.strip())]


def numbers_in(text):
    found = (NUMBER.match(word) for word in words_in(text))
    # 007 is a decimal number
    return [int(m[1], 16 if m[1][:2].lower() == "0x" else 10)
            for m in found if m]


def is_right(given, right):
    """@right is a number, a word, or a list of them.  0x10 and 16 are the same
    number, a unit behind it is nothing, and neither is case.
    """
    right = right if isinstance(right, (list, tuple)) else [right]
    right = [number_or_word(r) for r in right]
    if all(isinstance(r, int) for r in right):
        return numbers_in(given) == right
    return [w.casefold() for w in words_in(given)] == \
        [str(r).casefold() for r in right]


def number_or_word(right):
    """tshark prints numbers as words."""
    if isinstance(right, str) and NUMBER.fullmatch(right):
        return numbers_in(right)[0]
    return right


def lacks_0x(given):
    return any(BARE_HEX.match(word) for word in words_in(given))


class Answers(dict):
    """Of the file at @path: KEY to VALUE.  @odd: a line for each of its lines
    that is no answer to one of @keys, if these are given.
    """

    def __init__(self, path, keys=None):
        super().__init__()
        self.odd = []
        name = os.path.basename(path)
        for n, row in enumerate(text_of(path, MOST_ANSWERS).splitlines(), 1):
            row = COMMENT.sub("", row).strip()
            key, colon, value = (w.strip() for w in row.partition(":"))
            if keys and row and (not colon or key not in keys):
                self.odd.append(f"{name}:{n}: \"{row[:40]}\" is no answer; "
                                "hint: behind a question stands "
                                f"{keys[0]}: ANSWER, in one line")
            elif value:
                self[key] = value
