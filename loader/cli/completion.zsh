#compdef l7ctl
# SPDX-License-Identifier: GPL-2.0-or-later
# zsh completion for l7ctl, made by `l7ctl completion zsh`

_l7ctl_offer() { # KIND|WORD...
    local kind
    for kind; do
        case $kind in
        FILE) _files ;;
        DIR) _files -/ ;;
        DEV) compadd -- /sys/class/net/*(N:t) ;;
        NETNS) compadd -- /run/netns/*(N:t) ;;
        PROTOCOL) compadd -- ${${(f)"$(l7ctl protocols 2>/dev/null)"}[2,-1]%% *} ;;
        #KINDS#
        [A-Z]*) ;;
        *) compadd -- $kind ;;
        esac
    done
}

_l7ctl_words() { # KEY:KIND|KIND|WORD...
    local spec
    for spec; do
        if [[ $spec == $words[CURRENT-1]:* ]]; then
            _l7ctl_offer ${spec#*:}
            return
        fi
    done
    for spec; do
        _l7ctl_offer ${spec%%:*}
    done
}

_l7ctl_command() { # COMMAND
    local context state state_descr line
    local -a commands
    typeset -A opt_args
    case $1 in
        #TABLE#
    esac
}

_l7ctl() {
    _l7ctl_command ''
}

if [[ $funcstack[1] == _l7ctl ]]; then
    _l7ctl "$@"
else
    compdef _l7ctl l7ctl
fi
