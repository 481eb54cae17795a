package samples

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// usage is the CPU of this process since it was read before; times in seconds, summed over threads.
type usage struct {
	Elapsed float64 `json:"elapsed"`
	// CPUs that this process may use.
	CPUs   int     `json:"cpus"`
	Ran    float64 `json:"ran"`
	Waited float64 `json:"waited"`
}

// meter reads the scheduler's own statistics of the threads.
type meter struct {
	folder  string
	threads map[string][2]float64
	at      time.Time
}

func newMeter(folder string) *meter {
	meter := &meter{folder: folder}
	meter.read()
	return meter
}

// read gives nothing where the kernel does not tell.
func (meter *meter) read() *usage {
	threads := meter.statistics()
	at := time.Now()
	elapsed := at.Sub(meter.at).Seconds()
	found := usage{Elapsed: elapsed, CPUs: runtime.NumCPU()}
	for thread, now := range threads {
		then := meter.threads[thread]
		found.Ran += (now[0] - then[0]) / 1e9
		found.Waited += (now[1] - then[1]) / 1e9
	}
	first := meter.threads == nil
	meter.threads, meter.at = threads, at
	if first || len(threads) == 0 || elapsed <= 0 {
		return nil
	}
	return &found
}

// statistics are nanoseconds run and waited, by thread; one that has just ended is left out.
func (meter *meter) statistics() map[string][2]float64 {
	threads := map[string][2]float64{}
	entries, err := os.ReadDir(meter.folder)
	if err != nil {
		return threads
	}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(meter.folder, entry.Name(), "schedstat"))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(text))
		if len(fields) < 2 {
			continue
		}
		ran, first := strconv.ParseFloat(fields[0], 64)
		waited, second := strconv.ParseFloat(fields[1], 64)
		if first == nil && second == nil {
			threads[entry.Name()] = [2]float64{ran, waited}
		}
	}
	return threads
}
