# ~/.bash_logout: read by bash(1) when a login shell ends

# an empty screen for the next one
if [ "$SHLVL" = 1 ]; then
    [ -x /usr/bin/clear_console ] && /usr/bin/clear_console -q
fi
