package resolver

// send puts the questions to the servers in turn until one answers, as often as the configuration says.
func (l *lookup) send(questions []question) (outcome, error) {
	servers := len(l.config.Servers)
	first := l.firstServer()
	last := outcome{}
	tcp := l.config.UseVc
	for try := 0; try < l.config.Attempts; try++ {
		for shift := range servers {
			at := (first + shift) % servers
			got, err := outcome{truncated: true}, error(nil)
			if !tcp {
				got, err = l.overUDP(at, questions)
			}
			if err == nil && got.truncated {
				// By TCP each server is asked once.
				tcp, try = true, l.config.Attempts
				got, err = l.overTCP(at, questions)
			}
			if err != nil || got.failure == "" && got.some() {
				return got, err
			}
			last = later(last, got, tcp)
		}
	}
	return last, nil
}

// later is what is known of the failure after another server failed.
func later(before, now outcome, tcp bool) outcome {
	now.replies = nil
	now.heard = now.heard || before.heard && !tcp
	if now.rejected == "" {
		now.rejected = before.rejected
	}
	if before.failure == timedOut {
		now.failure = timedOut
	}
	return now
}

// firstServer is always the first, unless the load is to be spread.
func (l *lookup) firstServer() int {
	if !l.config.Rotate {
		return 0
	}
	return int(l.turn.Add(1) % uint32(len(l.config.Servers)))
}
