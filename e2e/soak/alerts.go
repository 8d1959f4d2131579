package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// speedUp divides the durations in the shipped rules, which are for an interval of a minute.
const speedUp = 6

const (
	// keptFiring is how long a page stays after its outage has ended: keep_firing_for.
	keptFiring = 4 * time.Minute / speedUp
	// pageDelay is how late a page may begin: two runs, the duration for which the alert must hold, and some scrapes
	// and evaluations.
	pageDelay = 2*(interval+longestRun) + time.Minute/speedUp + 4*scrapeInterval + slack
	// mustPage is how long an outage has to be to lead to a page, even if the exporter is killed or frozen meanwhile.
	mustPage = pageDelay + 20*time.Second

	scrapeInterval = 2 * time.Second
)

// startAlerts starts a Prometheus with the shipped rules that scrapes the exporter.
func startAlerts(ctx context.Context, e *exporter) (*lab.Monitoring, error) {
	rules, err := os.ReadFile("../../deploy/prometheus/rules.yaml")
	if err != nil {
		return nil, err
	}
	if rules, err = lab.SpeedUp(rules, speedUp); err != nil {
		return nil, err
	}
	return lab.StartMonitoring(ctx, lab.MonitoringOptions{Exporters: []string{e.address}, Interval: scrapeInterval, Rules: rules})
}

// pagesOf returns when the page fired, by target.
func pagesOf(ctx context.Context, prometheus string, begin time.Time) (map[string][]period, error) {
	end := time.Now()
	step := max(time.Second, end.Sub(begin)/10000) // Prometheus returns 11 000 points at most
	query := url.Values{
		"query": {`ALERTS{alertname="VaultK8sAuthLoginFailing",alertstate="firing"}`},
		"start": {fmt.Sprint(begin.Unix())}, "end": {fmt.Sprint(end.Unix())}, "step": {fmt.Sprint(step.Seconds())},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, prometheus+"/api/v1/query_range?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Status string
		Data   struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any // a time in seconds, and a value
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Status != "success" {
		return nil, fmt.Errorf("querying Prometheus: %s, %w", answer.Status, err)
	}
	moments := map[string][]time.Time{}
	for _, series := range answer.Data.Result {
		target := series.Metric["target"]
		for _, sample := range series.Values {
			seconds, _ := sample[0].(float64)
			moments[target] = append(moments[target], time.UnixMilli(int64(seconds*1000)))
		}
	}
	pages := map[string][]period{}
	for target, firing := range moments {
		pages[target] = periodsOf(firing, 3*step)
	}
	return pages, nil
}

// periodsOf returns the periods of moments, in any order, none of which is longer than gap after the one before.
func periodsOf(moments []time.Time, gap time.Duration) (periods []period) {
	for _, at := range slices.SortedFunc(slices.Values(moments), time.Time.Compare) {
		if last := len(periods) - 1; last >= 0 && at.Sub(periods[last].to) <= gap {
			periods[last].to = at
			continue
		}
		periods = append(periods, period{at, at})
	}
	return periods
}
