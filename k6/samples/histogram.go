package samples

import (
	"math"
	"slices"
)

// logGamma is that of the harness's own histogram: bucket i holds values in (1.02^(i-1), 1.02^i].
var logGamma = math.Log(1.02)

type histogram struct {
	zero    int64
	max     float64
	buckets map[int]int64
}

func (histogram *histogram) add(value float64) {
	histogram.max = math.Max(histogram.max, value)
	if value <= 0 {
		histogram.zero++
		return
	}
	histogram.buckets[int(math.Ceil(math.Log(value)/logGamma))]++
}

// pairs are index and count, one after the other, by index.
func (histogram *histogram) pairs() []int64 {
	indexes := make([]int, 0, len(histogram.buckets))
	for index := range histogram.buckets {
		indexes = append(indexes, index)
	}
	slices.Sort(indexes)
	pairs := make([]int64, 0, 2*len(indexes))
	for _, index := range indexes {
		pairs = append(pairs, int64(index), histogram.buckets[index])
	}
	return pairs
}
