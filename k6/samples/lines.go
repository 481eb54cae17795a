package samples

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"
)

// lines are numbered from 1, so that a reader knows that none is missing and none came twice.
type lines struct {
	lock sync.Mutex
	to   io.Writer
	key  string
	last int64
}

func (lines *lines) write(said any) error {
	text, err := json.Marshal(said)
	if err != nil {
		return err
	}
	lines.lock.Lock()
	defer lines.lock.Unlock()
	lines.last++
	head := lines.key + " " + strconv.FormatInt(lines.last, 10) + " "
	_, err = lines.to.Write([]byte(head + string(text) + "\n"))
	return err
}

type hello struct {
	Hello helloBody `json:"hello"`
}

type helloBody struct {
	Wall  int64  `json:"wall"`
	Index string `json:"index"`
	Pod   string `json:"pod"`
}

func helloOf(config Config) hello {
	return hello{helloBody{Wall: now(), Index: config.Index, Pod: config.Pod}}
}

// moment says that k6 waits, its virtual users made (`ready`), or that it goes on (`begun`).
type moment struct {
	Ready *wall `json:"ready,omitempty"`
	Begun *wall `json:"begun,omitempty"`
}

type wall struct {
	Wall int64 `json:"wall"`
}

type sum struct {
	Sum sumBody `json:"sum"`
}

type sumBody struct {
	Metric string            `json:"metric"`
	Tags   map[string]string `json:"tags"`
	// Wall is the time of the last sample, in milliseconds since 1970.
	Wall    int64   `json:"wall"`
	Count   int64   `json:"count"`
	Sum     float64 `json:"sum"`
	Last    float64 `json:"last"`
	Max     float64 `json:"max,omitempty"`
	Zero    int64   `json:"zero,omitempty"`
	Buckets []int64 `json:"buckets,omitempty"`
}

func (sums *sums) list() []sum {
	list := make([]sum, 0, len(sums.series))
	for _, one := range sums.series {
		body := sumBody{Metric: one.metric, Tags: one.tags, Wall: one.at, Count: one.count, Sum: one.sum, Last: one.last}
		if one.histogram != nil {
			body.Max, body.Zero, body.Buckets = one.histogram.max, one.histogram.zero, one.histogram.pairs()
		}
		list = append(list, sum{body})
	}
	slices.SortFunc(list, func(a, b sum) int { return cmp.Compare(a.Sum.Wall, b.Sum.Wall) })
	return list
}

type tick struct {
	Tick tickBody `json:"tick"`
}

type tickBody struct {
	Wall int64 `json:"wall"`
	// Up is the time since this output was made by a clock that never jumps, in milliseconds.
	Up  int64  `json:"up"`
	CPU *usage `json:"cpu,omitempty"`
	// Unlogged are the lines that k6 would have logged had they not been too many.
	Unlogged int64 `json:"unlogged,omitempty"`
}

func (out *Output) tick() tick {
	body := tickBody{Wall: now(), Up: time.Since(out.began).Milliseconds(), CPU: out.meter.read()}
	if out.log != nil {
		body.Unlogged = out.log.dropped()
	}
	return tick{body}
}

type end struct {
	End endBody `json:"end"`
}

type endBody struct {
	Wall int64 `json:"wall"`
	// Failure is why k6 ended early; empty when it did not.
	Failure string `json:"failure,omitempty"`
}

func endOf(failure error) end {
	body := endBody{Wall: now()}
	if failure != nil {
		text := failure.Error()
		body.Failure = text[:min(len(text), 500)]
	}
	return end{body}
}

func now() int64 { return time.Now().UnixMilli() }

func secondOf(wall int64) string { return strconv.FormatInt(wall/1000, 10) }
