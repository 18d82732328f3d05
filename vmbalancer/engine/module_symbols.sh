#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Prints the linker's list of what policy modules may call: the functions that these headers declare.
# module_symbols.sh HEADER...
set -eu
mapfile -t names < <(cat "$@" | grep -oE '\bvb_[a-z0-9_]+\(' | tr -d '(' | sort -u)
printf '{\n'
printf '    %s;\n' "${names[@]}"
printf '};\n'
