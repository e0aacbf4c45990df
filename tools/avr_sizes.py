"""Flash and RAM of an image for the ATmega328P, with the deepest stack that its calls can come to.

    python tools/avr_sizes.py IMAGE.elf FLASH_MAX RAM_MAX

The stack is worked out from the instructions: what each function pushes and sets aside, the deepest chain of
calls from main(), and the deepest interrupt on top of it once, for interrupts do not interrupt each other.
A call through a pointer or a recursion could not be followed and is an error. Exits with 1 above a maximum.
"""

import re
import subprocess
import sys

RETURN_ADDRESS = 2
_FUNCTION = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
_CALL = re.compile(r"\b(?:r?call|r?jmp)\s.*<([^>+]+)>")
_FRAME = re.compile(r"(?:sbiw\s+r28, |subi\s+r28, )0x([0-9a-fA-F]+)")


def sections(image: str) -> dict[str, int]:
    """The sizes of the sections, in bytes."""
    said = subprocess.run(["avr-size", "-A", image], check=True, capture_output=True, text=True).stdout
    return {name: int(size) for name, size in re.findall(r"^(\.\w+)\s+(\d+)", said, re.MULTILINE)}


def functions(image: str) -> dict[str, tuple[int, set[str], set[str]]]:
    """Of each function: the stack it uses itself, what it calls, and where it jumps to."""
    said = subprocess.run(["avr-objdump", "-d", image], check=True, capture_output=True, text=True).stdout
    found: dict[str, tuple[int, set[str], set[str]]] = {}
    name, frame_follows = "", False
    for line in said.splitlines():
        if begun := _FUNCTION.match(line):
            name, frame_follows = begun[1], False
            found[name] = (0, set(), set())
            continue
        code = line.split("\t")
        if len(code) < 3:
            continue
        used, calls, jumps = found[name]
        operation = code[2].strip()
        if operation in ("icall", "ijmp", "eicall") and name != "__tablejump2__":
            raise SystemExit(f"{name}: a call through a pointer cannot be followed")
        if operation == "push":
            used += 1
        elif operation == "rcall" and ".+0" in line:
            used += RETURN_ADDRESS  # sets two bytes aside
        elif operation == "in" and line.split("\t")[3].startswith("r28, 0x3d"):
            frame_follows = True
        elif frame_follows and (frame := _FRAME.search(line.replace("\t", " "))):
            used += int(frame[1], 16)  # of the stack pointer: nothing here sets 256 bytes or more aside
            frame_follows = False
        elif target := _CALL.search(line):
            (calls if "call" in operation else jumps).add(target[1])
        found[name] = (used, calls, jumps)
    return found


def deepest(name: str, found: dict[str, tuple[int, set[str], set[str]]], above: tuple[str, ...] = ()) -> int:
    """The most stack that ``name`` and what it calls can use, in bytes."""
    if name in above:
        raise SystemExit(f"{name}: a recursion cannot be followed")
    used, calls, jumps = found[name]
    deeper = [RETURN_ADDRESS + deepest(each, found, (*above, name)) for each in calls]
    deeper += [deepest(each, found, (*above, name)) for each in jumps if each != name and each in found]
    return used + max(deeper, default=0)


def main() -> None:
    """Print the sizes, and hold them to the maxima."""
    image, flash_max, ram_max = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    size, found = sections(image), functions(image)
    flash = size[".text"] + size.get(".data", 0)
    held = size.get(".data", 0) + size.get(".bss", 0) + size.get(".noinit", 0)
    vectors = [name for name in found if re.fullmatch(r"__vector_\d+", name)]
    main_stack = RETURN_ADDRESS + deepest("main", found)
    interrupt = RETURN_ADDRESS + max(deepest(name, found) for name in vectors)
    ram = held + main_stack + interrupt
    print(
        f"atmega328p, {image}: flash {flash} of {flash_max} bytes; RAM {ram} of {ram_max} bytes: "
        f"{held} of data, {main_stack} of stack at most, {interrupt} for an interrupt"
    )
    if flash > flash_max or ram > ram_max:
        raise SystemExit("too large")


if __name__ == "__main__":
    main()
