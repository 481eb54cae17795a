package samples

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.k6.io/k6/metrics"
)

func TestSegmentsMakeUpTheWhole(t *testing.T) {
	sequence := "--execution-segment-sequence=0,1/4,2/4,3/4,1"
	for index, segment := range []string{"0:1/4", "1/4:2/4", "2/4:3/4", "3/4:1"} {
		arguments, err := segmentOf(string(rune('0'+index)), "4")
		if err != nil {
			t.Fatal(err)
		}
		if arguments[0] != "--execution-segment="+segment || arguments[1] != sequence {
			t.Errorf("segment %d is %v", index, arguments)
		}
	}
	if arguments, err := segmentOf("", ""); arguments != nil || err != nil {
		t.Errorf("without a number of pods there is a segment: %v %v", arguments, err)
	}
	for _, wrong := range [][2]string{{"4", "4"}, {"-1", "4"}, {"", "4"}, {"0", "none"}, {"0", "0"}} {
		if _, err := segmentOf(wrong[0], wrong[1]); err == nil {
			t.Errorf("%v is no segment", wrong)
		}
	}
}

func TestBucketsAreThoseOfTheHarness(t *testing.T) {
	histogram := &histogram{buckets: map[int]int64{}}
	for _, value := range []float64{0, 1, 1.02, 1.021, 0.0005, 60} {
		histogram.add(value)
		if value <= 0 {
			continue
		}
		index := math.Ceil(math.Log(value) / math.Log(1.02))
		if low, high := math.Pow(1.02, index-1), math.Pow(1.02, index); value <= low*(1-1e-9) || value > high*(1+1e-9) {
			t.Errorf("%v is not in bucket %v (%v to %v)", value, index, low, high)
		}
	}
	if histogram.zero != 1 || histogram.max != 60 {
		t.Errorf("zero %d, max %v", histogram.zero, histogram.max)
	}
	total := int64(0)
	pairs := histogram.pairs()
	for at := 1; at < len(pairs); at += 2 {
		total += pairs[at]
	}
	if total != 5 {
		t.Errorf("buckets hold %d of 5 values", total)
	}
}

func TestSumsAreBySecondAndSeries(t *testing.T) {
	registry := metrics.NewRegistry()
	durations := registry.MustNewMetric(requests, metrics.Trend, metrics.Time)
	unwanted := registry.MustNewMetric("unwanted", metrics.Counter)
	sums := newSums(Config{
		Requests: []string{"list"},
		Metrics:  map[string]Wanted{requests: {Tags: []string{"name", "status"}, Histogram: true, Per: 1000}},
	})
	at := time.UnixMilli(1_700_000_000_100)
	sample := func(metric *metrics.Metric, name string, at time.Time, value float64) metrics.Sample {
		tags := registry.RootTagSet().With("name", name).With("status", "200").With("other", name)
		return metrics.Sample{TimeSeries: metrics.TimeSeries{Metric: metric, Tags: tags}, Time: at, Value: value}
	}
	sums.add(sample(durations, "list", at, 10))
	sums.add(sample(durations, "list", at.Add(time.Millisecond), 30))
	sums.add(sample(durations, "list", at.Add(time.Second), 20))
	sums.add(sample(durations, "list", at, math.NaN()))
	sums.add(sample(unwanted, "list", at, 1))
	for _, url := range []string{"http://a", "http://b", "http://c"} {
		sums.add(sample(durations, url, at, 1))
	}
	list := sums.list()
	if len(list) != 3 {
		t.Fatalf("%d series: %+v", len(list), list)
	}
	first := list[len(list)-2].Sum
	if first.Tags["name"] != "list" {
		first = list[0].Sum
	}
	if first.Count != 2 || math.Abs(first.Sum-0.04) > 1e-12 || first.Last != 0.03 || first.Wall != at.UnixMilli()+1 {
		t.Errorf("the first second of list is %+v", first)
	}
	if next := sums.next(); len(next.series) != 0 || next.undeclared != "http://a" {
		t.Errorf("the next second begins with %+v", next)
	}
}

func TestLinesAreNumbered(t *testing.T) {
	var out bytes.Buffer
	lines := &lines{to: &out, key: "key"}
	for range 2 {
		if err := lines.write(endOf(os.ErrInvalid)); err != nil {
			t.Fatal(err)
		}
	}
	written := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(written) != 2 || !strings.HasPrefix(written[0], "key 1 {") || !strings.HasPrefix(written[1], "key 2 {") {
		t.Errorf("written: %q", written)
	}
	var said end
	if err := json.Unmarshal([]byte(strings.TrimPrefix(written[1], "key 2 ")), &said); err != nil || said.End.Failure == "" {
		t.Errorf("said: %+v %v", said, err)
	}
}

func TestLogIsKeptShort(t *testing.T) {
	var out bytes.Buffer
	throttle := &throttle{to: &out}
	line := []byte(strings.Repeat("x", 999) + "\n")
	for range 100 {
		if count, err := throttle.Write(line); count != len(line) || err != nil {
			t.Fatal(count, err)
		}
	}
	if out.Len() > 2*logged || out.Len() < len(line) {
		t.Errorf("%d bytes were logged", out.Len())
	}
	if lost := throttle.dropped(); lost+int64(out.Len()/len(line)) != 100 || throttle.dropped() != 0 {
		t.Errorf("%d lines were dropped", lost)
	}
	out.Reset()
	throttle.since = time.Time{}
	long := bytes.Repeat([]byte("y"), 3*logged)
	if _, err := throttle.Write(long); err != nil || out.Len() != logged || !strings.HasSuffix(out.String(), "y\n") {
		t.Errorf("a long line has %d bytes: %v", out.Len(), err)
	}
}

func TestWaitingForCPUIsReadFromTheScheduler(t *testing.T) {
	folder := t.TempDir()
	write := func(thread, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(folder, thread), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, thread, "schedstat"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("1", "1000000000 500000000 7\n")
	meter := newMeter(folder)
	write("1", "1250000000 600000000 9\n")
	write("2", "250000000 0 1\n")
	used := meter.read()
	if used == nil || math.Abs(used.Ran-0.5) > 1e-9 || math.Abs(used.Waited-0.1) > 1e-9 || used.Elapsed <= 0 {
		t.Errorf("used: %+v", used)
	}
	if used := newMeter(filepath.Join(folder, "none")).read(); used != nil {
		t.Errorf("where the kernel does not tell: %+v", used)
	}
}

func TestConfigurationIsDemanded(t *testing.T) {
	whole := `{"key":"0123456789abcdef","metrics":{"vus":{"tags":[],"per":1}}}`
	if _, err := configOf(map[string]string{variable: whole}); err != nil {
		t.Error(err)
	}
	for _, wrong := range []map[string]string{
		nil, {variable: "nonsense"}, {variable: `{"key":"short"}`},
		{variable: `{"key":"0123456789abcdef","metrics":{"vus":{"tags":[]}}}`},
	} {
		if _, err := configOf(wrong); err == nil {
			t.Errorf("%v is no configuration", wrong)
		}
	}
}
