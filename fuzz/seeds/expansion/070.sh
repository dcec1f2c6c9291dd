cat <<-'E' | sed -n 's/a\(b\)/\1/p;$!N;P;D'
	ab
	E