// The program of a pod's sandbox.
module torpor.dev/cluster/pause

go 1.26.0
