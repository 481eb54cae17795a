package samples

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

const (
	indexVariable = "JOB_COMPLETION_INDEX"
	podsVariable  = "ORDEAL_PODS"
)

// All pods of an indexed Job have the same command line, and an image from scratch has no shell that could change it: each
// k6 finds its own segment before it reads its arguments.
func init() {
	arguments, err := segmentOf(os.Getenv(indexVariable), os.Getenv(podsVariable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Args = append(os.Args, arguments...)
}

// segmentOf is nothing without a number of pods.
func segmentOf(index, pods string) ([]string, error) {
	if pods == "" {
		return nil, nil
	}
	number, err := strconv.Atoi(pods)
	if err != nil || number < 1 {
		return nil, fmt.Errorf("%s is %q: expected a number of pods", podsVariable, pods)
	}
	at, err := strconv.Atoi(index)
	if err != nil || at < 0 || at >= number {
		return nil, fmt.Errorf("%s is %q: expected 0 to %d", indexVariable, index, number-1)
	}
	edges := make([]string, number+1)
	for edge := range edges {
		edges[edge] = fmt.Sprintf("%d/%d", edge, number)
	}
	edges[0], edges[number] = "0", "1"
	return []string{
		"--execution-segment=" + edges[at] + ":" + edges[at+1],
		"--execution-segment-sequence=" + strings.Join(edges, ","),
	}, nil
}
