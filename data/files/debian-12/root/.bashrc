# ~/.bashrc: read by bash(1) for shells that are no login shells

# PS1 and umask are set in /etc/profile
# PS1='${debian_chroot:+($debian_chroot)}\h:\w\$ '
# umask 022

# colours
# export LS_OPTIONS='--color=auto'
# eval "$(dircolors)"
# alias ls='ls $LS_OPTIONS'
# alias ll='ls $LS_OPTIONS -l'
# alias l='ls $LS_OPTIONS -lA'
#
# ask before anything is lost
# alias rm='rm -i'
# alias cp='cp -i'
# alias mv='mv -i'
