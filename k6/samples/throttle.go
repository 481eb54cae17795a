package samples

import (
	"io"
	"sync"
	"time"
)

// A kubelet turns a log over at 10 MiB, and what was not read by then is lost. k6 logs a line for every failed request:
// so many bytes a second are kept, the rest is counted.
const logged = 4096

type throttle struct {
	to    io.Writer
	lock  sync.Mutex
	since time.Time
	bytes int
	lost  int64
}

// Write is given one whole line at a time.
func (throttle *throttle) Write(line []byte) (int, error) {
	throttle.lock.Lock()
	defer throttle.lock.Unlock()
	if now := time.Now(); now.Sub(throttle.since) >= time.Second {
		throttle.since, throttle.bytes = now, 0
	}
	if throttle.bytes > 0 && throttle.bytes+len(line) > logged {
		throttle.lost++
		return len(line), nil
	}
	throttle.bytes += len(line)
	return throttle.to.Write(cut(line))
}

// cut keeps a line so short that a container's runtime writes it in one piece.
func cut(line []byte) []byte {
	if len(line) <= logged {
		return line
	}
	return append(append([]byte{}, line[:logged-1]...), '\n')
}

func (throttle *throttle) dropped() int64 {
	throttle.lock.Lock()
	defer throttle.lock.Unlock()
	lost := throttle.lost
	throttle.lost = 0
	return lost
}
