# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs at the tc hooks that are not ours."""

from .netlab import run


def bpf_program(lab, name, body):
    """Compiles one whose body is C over `skb`; returns the object file."""
    source, target = f"{lab.dir}/{name}.bpf.c", f"{lab.dir}/{name}.o"
    with open(source, "w", encoding="ascii") as file:
        file.write(f'#include <linux/bpf.h>\n__attribute__((section("tc"), used)) int {name}(struct __sk_buff *skb)'
                   f'{{ {body} }}\nchar l[] __attribute__((section("license"), used)) = "GPL";\n')
    triplet = run(["cc", "-print-multiarch"]).stdout.decode().strip()
    run(["clang", "-O2", "-g", "-target", "bpf", "-idirafter", f"/usr/include/{triplet}", "-c", source, "-o", target])
    return target
