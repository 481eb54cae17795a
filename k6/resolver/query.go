package resolver

import (
	"strings"
	"time"
)

// Query is one question that was sent, and what became of it.
type Query struct {
	// Name is absolute, without the dot at its end.
	Name string `js:"name"`
	// Type is A or AAAA.
	Type      string `js:"type"`
	Server    string `js:"server"`
	Transport string `js:"transport"`
	// Rcode is empty when no answer came.
	Rcode string `js:"rcode"`
	// Duration is in milliseconds, until the answer came or was given up.
	Duration  float64 `js:"duration"`
	TimedOut  bool    `js:"timedOut"`
	Truncated bool    `js:"truncated"`
	// Error says why there is no answer, if not for a time-out.
	Error string `js:"error"`
}

// open keeps the books of the queries to one server until each is answered or given up.
type open struct {
	*lookup
	questions []question
	server    Server
	transport string
	queries   []*Query
	began     []time.Time
	answered  int
}

func newOpen(l *lookup, questions []question, server Server, transport string) *open {
	size := len(questions)
	return &open{l, questions, server, transport, make([]*Query, size), make([]time.Time, size), 0}
}

func (o *open) sent(which int) {
	asked := o.questions[which]
	query := &Query{
		Name:      strings.TrimSuffix(asked.name, "."),
		Type:      strings.TrimPrefix(asked.kind.String(), "Type"),
		Server:    o.server.String(),
		Transport: o.transport,
	}
	o.queries[which], o.began[which] = query, time.Now()
	o.log = append(o.log, query)
}

func (o *open) waits(which int) bool { return !o.began[which].IsZero() }

func (o *open) answer(which int, got *reply) {
	query := o.queries[which]
	query.Rcode, query.Truncated = rcodeName(got.rcode), got.truncated
	o.close(which)
	o.answered++
}

// end gives up what is still open.
func (o *open) end(failure string) {
	for which, query := range o.queries {
		if query == nil || !o.waits(which) {
			continue
		}
		if failure == timedOut {
			query.TimedOut = true
		} else {
			query.Error = failure
		}
		o.close(which)
	}
}

func (o *open) close(which int) {
	o.queries[which].Duration = milliseconds(time.Since(o.began[which]))
	o.began[which] = time.Time{}
}

func milliseconds(duration time.Duration) float64 {
	return float64(duration) / float64(time.Millisecond)
}
