package resolver

import (
	"encoding/binary"
	"errors"
	"io"
	"syscall"
	"time"
)

// overTCP asks a server on one connection of its own, both questions at once. Rejections count as answers, as glibc has
// it; unlike glibc it does not wait for ever, but as long as for a datagram.
func (l *lookup) overTCP(at int, questions []question) (outcome, error) {
	got, err := l.stream(at, questions)
	// A server that was just started anew resets once.
	if errors.Is(err, syscall.ECONNRESET) {
		got, err = l.stream(at, questions)
	}
	if err == nil {
		return got, nil
	}
	failure, local := failureOf(l.ctx, err)
	return outcome{failure: failure, heard: failure != refused}, local
}

func (l *lookup) stream(at int, questions []question) (got outcome, err error) {
	server, deadline := l.config.Servers[at], time.Now().Add(l.config.wait(at))
	open := newOpen(l, questions, server, "tcp")
	defer func() {
		if err != nil {
			failure, _ := failureOf(l.ctx, err)
			open.end(failure)
		}
	}()
	// A connection that is not to be had costs both of them, as two datagrams to a closed port do.
	for which := range questions {
		open.sent(which)
	}
	line, err := dial(l.ctx, "tcp", server, deadline)
	if err != nil {
		return outcome{}, err
	}
	defer line.Close()
	var both []byte
	for _, one := range questions {
		both = binary.BigEndian.AppendUint16(both, uint16(len(one.wire)))
		both = append(both, one.wire...)
	}
	if _, err := line.Write(both); err != nil {
		return outcome{}, err
	}
	got = outcome{replies: make([]*reply, len(questions)), heard: true}
	for open.answered < len(questions) {
		body, err := frame(line)
		if err != nil {
			return outcome{}, err
		}
		if which, reply := match(body, questions); which >= 0 && open.waits(which) {
			open.answer(which, reply)
			got.replies[which] = reply
		}
	}
	return got, nil
}

func frame(from io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(from, size[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint16(size[:]))
	if len(body) < headerSize {
		return nil, io.ErrUnexpectedEOF
	}
	_, err := io.ReadFull(from, body)
	return body, err
}
