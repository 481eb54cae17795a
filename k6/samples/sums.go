package samples

import (
	"math"
	"slices"
	"strings"

	"go.k6.io/k6/metrics"
)

const (
	requests   = "http_req_duration"
	longestTag = 200
)

// series are the samples of one metric with the same tags in one second.
type series struct {
	metric    string
	tags      map[string]string
	at        int64
	count     int64
	sum       float64
	last      float64
	histogram *histogram
}

// sums are what was measured since they were told last.
type sums struct {
	config     Config
	series     map[string]*series
	undeclared string
}

func newSums(config Config) *sums {
	return &sums{config: config, series: map[string]*series{}}
}

// next is empty, and remembers what has to be the same in every second.
func (sums *sums) next() *sums {
	next := newSums(sums.config)
	next.undeclared = sums.undeclared
	return next
}

func (sums *sums) add(sample metrics.Sample) {
	name := sample.Metric.Name
	wanted, ok := sums.config.Metrics[name]
	if !ok || math.IsNaN(sample.Value) || math.IsInf(sample.Value, 0) {
		return
	}
	tags := sums.tagsOf(name, wanted, sample.Tags)
	at := sample.Time.UnixMilli()
	one := sums.of(name, wanted, tags, at)
	value := sample.Value / wanted.Per
	one.count++
	one.sum += value
	if at >= one.at {
		one.at, one.last = at, value
	}
	if one.histogram != nil {
		one.histogram.add(value)
	}
}

// tagsOf are the values of the wanted tags, in their order.
func (sums *sums) tagsOf(name string, wanted Wanted, tags *metrics.TagSet) []string {
	values := make([]string, len(wanted.Tags))
	for index, tag := range wanted.Tags {
		value, _ := tags.Get(tag)
		values[index] = strings.ToValidUTF8(value[:min(len(value), longestTag)], "�")
	}
	if name != requests {
		return values
	}
	at := slices.Index(wanted.Tags, "name")
	if at < 0 || slices.Contains(sums.config.Requests, values[at]) {
		return values
	}
	// The name of a request that nobody named is its URL: there may be any number of them.
	if sums.undeclared == "" {
		sums.undeclared = values[at]
	}
	values = make([]string, len(values))
	values[at] = sums.undeclared
	return values
}

func (sums *sums) of(name string, wanted Wanted, tags []string, at int64) *series {
	key := name + "\x00" + strings.Join(tags, "\x00") + "\x00" + secondOf(at)
	one, ok := sums.series[key]
	if ok {
		return one
	}
	one = &series{metric: name, at: at, tags: map[string]string{}}
	for index, tag := range wanted.Tags {
		if tags[index] != "" {
			one.tags[tag] = tags[index]
		}
	}
	if wanted.Histogram {
		one.histogram = &histogram{buckets: map[int]int64{}}
	}
	sums.series[key] = one
	return one
}
