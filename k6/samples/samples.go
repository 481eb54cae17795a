// Package samples is the k6 output `ordeal`: it sums up what k6 measures, a second and a series, into histograms that can
// be added to those of other k6 processes, and writes them line by line to standard output, where the harness reads them.
// It is told what to do by the JSON in ORDEAL_SAMPLES (see Config). With a `begin` it holds a k6 that was started with
// --paused until that moment of the wall clock, and tells whether it was in time.
package samples

import (
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"go.k6.io/k6/metrics"
	"go.k6.io/k6/output"
)

const every = time.Second

func init() {
	output.RegisterExtension("ordeal", func(params output.Params) (output.Output, error) { return New(params) })
}

// Output is one k6's. It begins a line of JSON with the key that only the harness knows, and numbers it.
type Output struct {
	config Config
	lines  *lines
	meter  *meter
	logger logrus.FieldLogger
	log    *throttle
	began  time.Time

	lock sync.Mutex
	sums *sums

	abort   func(error)
	stop    chan struct{}
	stopped sync.WaitGroup
}

// New reads the configuration, and bounds what k6 logs from now on.
func New(params output.Params) (*Output, error) {
	config, err := configOf(params.Environment)
	if err != nil {
		return nil, err
	}
	out := &Output{
		config: config,
		lines:  &lines{to: params.StdOut, key: config.Key},
		meter:  newMeter("/proc/self/task"),
		logger: params.Logger,
		began:  time.Now(),
		sums:   newSums(config),
		abort:  func(error) {},
		stop:   make(chan struct{}),
	}
	if logger, ok := params.Logger.(*logrus.Logger); ok {
		out.log = &throttle{to: logger.Out}
		logger.SetOutput(out.log)
	}
	return out, nil
}

// Description is what k6 calls it.
func (*Output) Description() string { return "ordeal" }

// SetTestRunStopCallback is given what ends k6 early.
func (out *Output) SetTestRunStopCallback(stop func(error)) { out.abort = stop }

// Start says hello and begins to speak each second.
func (out *Output) Start() error {
	if err := out.lines.write(helloOf(out.config)); err != nil {
		return err
	}
	out.stopped.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				out.tell()
			case <-out.stop:
				return
			}
		}
	})
	if out.config.Begin > 0 {
		out.stopped.Go(func() {
			if err := out.hold(); err != nil {
				out.abort(err)
			}
		})
	}
	return nil
}

// AddMetricSamples never blocks on the reader: what is told is summed up aside.
func (out *Output) AddMetricSamples(containers []metrics.SampleContainer) {
	out.lock.Lock()
	defer out.lock.Unlock()
	for _, container := range containers {
		for _, sample := range container.GetSamples() {
			out.sums.add(sample)
		}
	}
}

// Stop is not called by a k6 that knows StopWithTestError.
func (out *Output) Stop() error { return out.StopWithTestError(nil) }

// StopWithTestError tells the rest, and how k6 ended.
func (out *Output) StopWithTestError(failure error) error {
	close(out.stop)
	out.stopped.Wait()
	out.tell()
	return out.lines.write(endOf(failure))
}

func (out *Output) tell() {
	out.lock.Lock()
	told := out.sums
	out.sums = told.next()
	out.lock.Unlock()
	for _, sum := range told.list() {
		if err := out.lines.write(sum); err != nil {
			out.abort(err)
			return
		}
	}
	if err := out.lines.write(out.tick()); err != nil {
		out.abort(err)
	}
}
