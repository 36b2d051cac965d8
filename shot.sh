#!/bin/sh
# shot.sh FILE OUT WxH [dark]
exec timeout 60 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir=/tmp/dec/profile ${4:+--force-dark-mode --blink-settings=preferredColorScheme=0} --window-size=$3 --screenshot=$2 file://$1 2>/dev/null
