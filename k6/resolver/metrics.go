package resolver

import (
	"time"

	"go.k6.io/k6/js/modules"
	"go.k6.io/k6/metrics"
)

type meters struct {
	lookups, queries, perLookup, failures, timeouts, errors, duration *metrics.Metric
}

func newMeters(registry *metrics.Registry) meters {
	return meters{
		lookups:   registry.MustNewMetric("resolver_lookups", metrics.Counter),
		queries:   registry.MustNewMetric("resolver_queries", metrics.Counter),
		perLookup: registry.MustNewMetric("resolver_queries_per_lookup", metrics.Trend),
		failures:  registry.MustNewMetric("resolver_failures", metrics.Counter),
		timeouts:  registry.MustNewMetric("resolver_timeouts", metrics.Counter),
		errors:    registry.MustNewMetric("resolver_errors", metrics.Counter),
		duration:  registry.MustNewMetric("resolver_duration", metrics.Trend, metrics.Time),
	}
}

// push hands k6 what one lookup amounts to.
func (m meters) push(vu modules.VU, current metrics.TagsAndMeta, result Result) {
	now := time.Now()
	samples := metrics.ConnectedSamples{Tags: current.Tags, Time: now}
	add := func(metric *metrics.Metric, tags *metrics.TagSet, value float64) {
		series := metrics.TimeSeries{Metric: metric, Tags: tags}
		samples.Samples = append(samples.Samples,
			metrics.Sample{TimeSeries: series, Time: now, Metadata: current.Metadata, Value: value})
	}
	sent := map[[2]string]float64{}
	var timeouts, errors float64
	for _, query := range result.Queries {
		sent[[2]string{query.Type, query.Transport}]++
		if query.TimedOut {
			timeouts++
		}
		if query.Error == refused || query.Error == broken {
			errors++
		}
	}
	add(m.lookups, current.Tags, 1)
	for of, count := range sent {
		add(m.queries, current.Tags.With("type", of[0]).With("transport", of[1]), count)
	}
	add(m.perLookup, current.Tags, float64(len(result.Queries)))
	add(m.duration, current.Tags, result.Duration)
	if result.Failed {
		add(m.failures, current.Tags.With("cause", result.Cause), 1)
	}
	if timeouts > 0 {
		add(m.timeouts, current.Tags, timeouts)
	}
	if errors > 0 {
		add(m.errors, current.Tags, errors)
	}
	metrics.PushIfNotDone(vu.Context(), vu.State().Samples, samples)
}
