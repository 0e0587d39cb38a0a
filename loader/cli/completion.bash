# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# bash completion for l7ctl, made by `l7ctl completion bash`

# What may follow a command: its options, its words, the commands below it. NAME:KIND takes a value.
_l7ctl_table() { # COMMAND
    options='' words='' below=''
    case $1 in
        #TABLE#
    esac
}

# Adds to COMPREPLY what begins as the current word does, of values of a kind, or of these words.
_l7ctl_offer() { # CURRENT KIND|WORD...
    local current=$1 kind all=() found=()
    shift
    for kind; do
        case $kind in
        FILE | DIR)
            compopt -o filenames 2>/dev/null
            if [[ $kind == FILE ]]; then
                mapfile -t found < <(compgen -f -- "$current")
            else
                mapfile -t found < <(compgen -d -- "$current")
            fi
            COMPREPLY+=("${found[@]}")
            ;;
        DEV) mapfile -t found < <(compgen -G '/sys/class/net/*') && all+=("${found[@]##*/}") ;;
        NETNS) mapfile -t found < <(compgen -G '/run/netns/*') && all+=("${found[@]##*/}") ;;
        PROTOCOL) mapfile -t found < <(l7ctl protocols 2>/dev/null | sed '1d; s/ .*//') && all+=("${found[@]}") ;;
        #KINDS#
        [A-Z]*) ;;
        *) all+=("$kind") ;;
        esac
    done
    mapfile -t found < <(compgen -W "${all[*]}" -- "$current")
    COMPREPLY+=("${found[@]}")
}

_l7ctl() {
    local current=$2 previous=${COMP_WORDS[COMP_CWORD - 1]} command='' options words below shared i spec offers=()
    COMPREPLY=()
    _l7ctl_table ''
    shared=$options
    for ((i = 1; i < COMP_CWORD; i++)); do
        case " $shared $options " in
        *" ${COMP_WORDS[i]}:"*)
            ((++i))
            continue
            ;;
        esac
        case " $below " in
        *" ${COMP_WORDS[i]} "*)
            command+="${command:+ }${COMP_WORDS[i]}"
            _l7ctl_table "$command"
            ;;
        esac
    done
    [[ $command ]] && options+=" $shared"
    for spec in $options $words; do
        if [[ $spec == "$previous:"* ]]; then
            IFS='|' read -ra offers <<<"${spec#*:}"
            _l7ctl_offer "$current" "${offers[@]}"
            return
        fi
    done
    if [[ $current == -* ]]; then
        words=$options below=''
    fi
    for spec in $below $words; do
        offers+=("${spec%%:*}")
    done
    _l7ctl_offer "$current" "${offers[@]}"
}

complete -F _l7ctl l7ctl
