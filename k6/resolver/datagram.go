package resolver

import (
	"sync"
	"time"
)

// No server sends more to a client that has not offered to take more; what is longer is fetched by TCP.
const largestDatagram = 4096

var buffers = sync.Pool{New: func() any { return new([largestDatagram + 1]byte) }}

// manner is how the A and the AAAA query share a socket.
type manner int32

const (
	together manner = iota
	oneByOne
	oneSocketEach
)

// outcome is what one server made of the questions.
type outcome struct {
	// replies, by question; nil for one that the server rejected or did not answer.
	replies []*reply
	// failure says why there are no replies at all.
	failure string
	// rejected is the rcode with which a question was rejected.
	rejected  string
	truncated bool
	// heard: the server is there, or at least nothing says that it is not.
	heard bool
}

func (o *outcome) some() bool {
	for _, one := range o.replies {
		if one != nil {
			return true
		}
	}
	return false
}

// overUDP asks a server. Where only one of two answers comes in time it asks again more carefully, and so do all later
// lookups of this resolver: there are servers and firewalls that lose the second of two packets from one port.
func (l *lookup) overUDP(at int, questions []question) (outcome, error) {
	for {
		manner := l.manner()
		got, err := l.datagrams(at, questions, manner)
		half := got.failure == timedOut && got.some()
		if err != nil || !half {
			return got, err
		}
		if manner == oneSocketEach {
			got.failure = ""
			return got, nil
		}
		l.careful.Store(int32(manner + 1))
	}
}

func (l *lookup) manner() manner {
	asked := together
	if l.config.SingleRequest {
		asked = oneByOne
	}
	if l.config.SingleRequestReopen {
		asked = oneSocketEach
	}
	return max(asked, manner(l.careful.Load()))
}

func (l *lookup) datagrams(at int, questions []question, manner manner) (outcome, error) {
	server, deadline := l.config.Servers[at], time.Now().Add(l.config.wait(at))
	got := outcome{replies: make([]*reply, len(questions))}
	open := newOpen(l, questions, server, "udp")
	failed := func(err error) (outcome, error) {
		failure, local := failureOf(l.ctx, err)
		open.end(failure)
		got.failure = failure
		got.heard = got.heard || failure == timedOut
		return got, local
	}
	line, err := dial(l.ctx, "udp", server, deadline)
	if err != nil {
		return failed(err)
	}
	defer func() { line.Close() }()
	buffer := buffers.Get().(*[largestDatagram + 1]byte)
	defer buffers.Put(buffer)

	for next := 0; ; {
		// One by one, the second is never sent when the first was rejected, but its answer waited for. So it is in glibc.
		for ; next < len(questions) && (manner == together || next == 0 || got.replies[next-1] != nil); next++ {
			if manner == oneSocketEach && next > 0 {
				line.Close()
				if line, err = dial(l.ctx, "udp", server, deadline); err != nil {
					return failed(err)
				}
			}
			if _, err := line.Write(questions[next].wire); err != nil {
				return failed(err)
			}
			open.sent(next)
		}
		size, err := line.readTardily(buffer[:])
		if err != nil {
			return failed(err)
		}
		got.heard = true
		if size < headerSize {
			open.end(broken)
			return outcome{failure: broken, heard: true}, nil
		}
		which, reply := match(append([]byte(nil), buffer[:size]...), questions)
		if which < 0 || !open.waits(which) {
			continue
		}
		open.answer(which, reply)
		switch {
		case reply.rejected():
			got.rejected = reason(reply)
		case reply.truncated || size > largestDatagram:
			open.end(abandoned)
			return outcome{truncated: true, heard: true}, nil
		default:
			got.replies[which] = reply
		}
		if open.answered == len(questions) {
			return got, nil
		}
	}
}

func reason(rejected *reply) string {
	if name := rcodeName(rejected.rcode); name != "NOERROR" {
		return name
	}
	return "REFERRAL"
}
