#!/bin/sh
# The steps that the README proposes for other projects' CI, with pingpong as the
# program under test.
set -eu
glassnic run --capture a.pcapng -- timeout 60 ibv_rc_pingpong -g 1 &
server=$!
until glassnic run -- timeout 60 ibv_rc_pingpong -g 1 127.0.0.1; do
	kill -0 $server	# not there yet, or gone?
	sleep 0.2
done
wait $server
glassnic decode --check a.pcapng
