#!/usr/bin/env python3
"""gen_symbols.py map|stubs LIST: writes what a drop-in library needs of its
symbols.list to stdout: the linker's version script, or C with a failing
function for each symbol that is not real."""

import sys

BODY = {
    "errno": "int {name}(void);\nint {name}(void)\n{{\n\treturn {err};\n}}\n",
    "minus1": "int {name}(void);\nint {name}(void)\n{{\n\terrno = {err};\n"
              "\treturn -1;\n}}\n",
    "ptr": "void *{name}(void);\nvoid *{name}(void)\n{{\n\terrno = {err};\n"
           "\treturn NULL;\n}}\n",
    "void": "void {name}(void);\nvoid {name}(void)\n{{\n}}\n",
    "data": "extern char {name};\nchar {name};\n",
}


def read(path):
    """[(node, [(symbol, kind, returns)])] in the file's order."""
    nodes = []
    for number, line in enumerate(open(path), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0].startswith("["):
            nodes.append((words[0].strip("[]"), []))
            continue
        symbol, kind, returns = (words + [""])[:3]
        if kind not in ("real", "stub", "compat") or not nodes or \
                (kind != "real") != (returns in BODY):
            sys.exit(f"{path}:{number}: not \"SYMBOL real\" or "
                     f"\"SYMBOL stub|compat {'|'.join(BODY)}\"")
        nodes[-1][1].append((symbol, kind, returns))
    return nodes


def write_map(nodes):
    """"local: *" goes into the last node, because in its own node it would hide
    symbols that .symver puts there."""
    previous = ""
    for i, (node, symbols) in enumerate(nodes):
        print(f"{node} {{\n\tglobal:")
        for symbol, kind, _ in symbols:
            if kind != "compat":
                print(f"\t\t{symbol};")
        if i == len(nodes) - 1:
            print("\tlocal: *;")
        chained = "PRIVATE" not in node
        print(f"}}{' ' + previous if chained and previous else ''};\n")
        previous = node if chained else previous


def write_stubs(nodes):
    print("#include <errno.h>\n#include <stddef.h>\n")
    for node, symbols in nodes:
        for symbol, kind, returns in symbols:
            if kind == "stub":
                print(BODY[returns].format(name=symbol, err="EOPNOTSUPP"))
            elif kind == "compat":
                old = f"compat_{symbol}"
                print(BODY[returns].format(name=old, err="ENOSYS"), end="")
                print(f'__asm__(".symver {old}, {symbol}@{node}");\n')


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("map", "stubs"):
        sys.exit(__doc__)
    {"map": write_map, "stubs": write_stubs}[sys.argv[1]](read(sys.argv[2]))


if __name__ == "__main__":
    main()
