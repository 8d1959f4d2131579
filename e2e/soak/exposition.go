package soak

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// An exposition is one scrape.
type exposition struct {
	at       time.Time // when the response had arrived
	families map[string]*dto.MetricFamily
}

// readExposition returns an error if the text does not parse, or lint finds a problem.
func readExposition(at time.Time, text string) (exposition, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		return exposition{}, fmt.Errorf("parsing /metrics: %w", err)
	}
	problems, err := promlint.NewWithMetricFamilies(slices.Collect(maps.Values(families))).Lint()
	for _, p := range problems {
		err = errors.Join(err, fmt.Errorf("linting /metrics: %s: %s", p.Metric, p.Text))
	}
	return exposition{at, families}, err
}

// sum adds up the gauges or counters of a family.
func (e exposition) sum(name string) (sum float64) {
	for _, m := range e.families[name].GetMetric() {
		sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
	}
	return sum
}

// processStart is when the process that was scraped started.
func (e exposition) processStart() float64 { return e.sum("process_start_time_seconds") }

// up returns whether the metrics say that pods can log in at each target; a target without the metric is missing.
func (e exposition) up() map[string]bool {
	up := map[string]bool{}
	for _, m := range e.families["vault_k8s_auth_up"].GetMetric() {
		up[labelOf(m, "target")] = m.GetGauge().GetValue() == 1
	}
	return up
}

func labelOf(m *dto.Metric, name string) string {
	for _, pair := range m.GetLabel() {
		if pair.GetName() == name {
			return pair.GetValue()
		}
	}
	return ""
}

// judgeMonotone returns an error if a counter is smaller than before in the same process, or gone. The targets in the
// file may be removed.
func judgeMonotone(before, after exposition, removed string) error {
	if before.families == nil || before.processStart() != after.processStart() {
		return nil
	}
	var errs []error
	now := after.counters()
	for series, value := range before.counters() {
		got, found := now[series]
		if !found && !strings.Contains(series, removed) || found && got < value {
			errs = append(errs, fmt.Errorf("the counter %s was %v at %s and is %v at %s", series, value, clock(before.at), got, clock(after.at)))
		}
	}
	return errors.Join(errs...)
}

// counters returns the values of all counters, and the counts of histograms, by series.
func (e exposition) counters() map[string]float64 {
	values := map[string]float64{}
	for name, family := range e.families {
		for _, m := range family.GetMetric() {
			series := name
			for _, pair := range m.GetLabel() {
				series += fmt.Sprintf(",%s=%q", pair.GetName(), pair.GetValue())
			}
			switch family.GetType() {
			case dto.MetricType_COUNTER:
				values[series] = m.GetCounter().GetValue()
			case dto.MetricType_HISTOGRAM:
				values[series] = float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return values
}

// judgeUp returns an error if the metrics say that pods can log in although a fault that logins see has held for longer
// than the limit, in which the exporter was running.
func judgeUp(e exposition, spans []span, limit time.Duration) error {
	for target, up := range e.up() {
		if !up {
			continue
		}
		for _, s := range spans {
			if s.holds(e.at.Add(-limit), e.at) && hidesLogins(*s.fault) {
				return fmt.Errorf("the metrics of %s say at %s that pods can log in, and %s has held since %s", target, clock(e.at), s.what, clock(s.since))
			}
		}
	}
	return nil
}
