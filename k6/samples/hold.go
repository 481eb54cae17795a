package samples

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.k6.io/k6/lib"
)

const resume = `{"data":{"type":"status","id":"default","attributes":{"paused":false}}}`

// hold says when k6 waits with all its virtual users made, and lets it go at the moment asked for.
func (out *Output) hold() error {
	url := "http://" + out.config.Address + "/v1/status"
	client := &http.Client{Timeout: 2 * time.Second}
	for {
		status, err := statusOf(client, url)
		if err == nil && status == lib.ExecutionStatusPausedBeforeRun {
			break
		}
		if err == nil && status > lib.ExecutionStatusPausedBeforeRun {
			return fmt.Errorf("k6 did not wait for its moment: start it with --paused (status %d)", status)
		}
		if !out.sleep(50 * time.Millisecond) {
			return nil
		}
	}
	if err := out.lines.write(moment{Ready: &wall{now()}}); err != nil {
		return err
	}
	if !out.sleep(time.Until(time.UnixMilli(out.config.Begin))) {
		return nil
	}
	if err := let(client, url); err != nil {
		return fmt.Errorf("k6 cannot be let go: %w", err)
	}
	return out.lines.write(moment{Begun: &wall{now()}})
}

// sleep is false when k6 ends meanwhile.
func (out *Output) sleep(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-out.stop:
		return false
	}
}

func statusOf(client *http.Client, url string) (lib.ExecutionStatus, error) {
	answer, err := client.Get(url)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	var status struct {
		Data struct {
			Attributes struct {
				Status lib.ExecutionStatus `json:"status"`
			} `json:"attributes"`
		} `json:"data"`
	}
	err = json.NewDecoder(answer.Body).Decode(&status)
	return status.Data.Attributes.Status, err
}

func let(client *http.Client, url string) error {
	request, err := http.NewRequest(http.MethodPatch, url, bytes.NewBufferString(resume))
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
	return fmt.Errorf("%s: %s", answer.Status, text)
}
