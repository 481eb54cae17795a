package samples

import (
	"encoding/json"
	"errors"
	"fmt"
)

const variable = "ORDEAL_SAMPLES"

// Config is what the harness asks for.
type Config struct {
	// Key begins each line, so that nothing that k6 logs, whatever it quotes, is taken for one.
	Key string `json:"key"`
	// Begin is the moment at which a paused k6 goes on, in milliseconds since 1970; 0 for one that is not paused.
	Begin int64 `json:"begin"`
	// Address is where this k6 serves its REST API: the same as its --address.
	Address string `json:"address"`
	// Pod is the unique id of the pod that this runs in, where there is one.
	Pod string `json:"-"`
	// Index is that of the pod in its Job.
	Index string `json:"-"`
	// Requests are the declared values of the tag `name` of HTTP requests; all others are told under the first one seen.
	Requests []string `json:"requests"`
	// Metrics are those wanted, by name.
	Metrics map[string]Wanted `json:"metrics"`
}

// Wanted says what is kept of a metric.
type Wanted struct {
	// Tags that tell its series apart.
	Tags []string `json:"tags"`
	// Histogram keeps the distribution; the sum, the number and the last value are always kept.
	Histogram bool `json:"histogram"`
	// Per divides each value: 1000 makes seconds of k6's milliseconds.
	Per float64 `json:"per"`
}

func configOf(environment map[string]string) (Config, error) {
	config := Config{Index: environment[indexVariable], Pod: environment["ORDEAL_POD"]}
	text, ok := environment[variable]
	if !ok {
		return config, errors.New(variable + " is not set: it says what is wanted")
	}
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return config, fmt.Errorf("%s: %w", variable, err)
	}
	if len(config.Key) < 16 {
		return config, errors.New(variable + ": a key of at least 16 characters is missing")
	}
	for name, wanted := range config.Metrics {
		if wanted.Per <= 0 {
			return config, fmt.Errorf("%s: metric %s has no `per`", variable, name)
		}
	}
	return config, nil
}
