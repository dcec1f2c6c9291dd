# completion rules for interactive bash
if [ "x${BASH_VERSION-}" != x ] && [ "x${PS1-}" != x ] && [ "x${BASH_COMPLETION_VERSINFO-}" = x ]; then
    if shopt -q progcomp && [ -r /usr/share/bash-completion/bash_completion ]; then
        . /usr/share/bash-completion/bash_completion
    fi
fi
