package e2e

import (
	"fmt"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// metrics are the samples of one scrape, histograms left out.
type metrics []sample

type sample struct {
	name   string // without the prefix
	labels map[string]string
	value  float64
}

func parseMetrics(text string) (metrics, error) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("parsing metrics: %w", err)
	}
	var all metrics
	for name, family := range families {
		for _, m := range family.GetMetric() {
			s := sample{name: strings.TrimPrefix(name, "vault_k8s_auth_"), labels: map[string]string{}}
			for _, label := range m.GetLabel() {
				s.labels[label.GetName()] = label.GetValue()
			}
			switch {
			case m.GetGauge() != nil:
				s.value = m.GetGauge().GetValue()
			case m.GetCounter() != nil:
				s.value = m.GetCounter().GetValue()
			default:
				continue
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// named are the samples with this name.
func (m metrics) named(name string) (found metrics) {
	for _, s := range m {
		if s.name == name {
			found = append(found, s)
		}
	}
	return found
}

// value is the one sample's. A metric that is absent, or there more than once, is
// not known.
func (m metrics) value(name string) (value float64, known bool) {
	found := m.named(name)
	if len(found) != 1 {
		return 0, false
	}
	return found[0].value, true
}

// sum is 0 where there is none.
func (m metrics) sum(name string) (total float64) {
	for _, s := range m.named(name) {
		total += s.value
	}
	return total
}

// shows is a value in words: "absent" where there is none.
func (m metrics) shows(name string) string {
	value, known := m.value(name)
	if !known {
		return "absent"
	}
	return fmt.Sprint(value)
}

// A verdict is what verdict_info says.
type verdict struct{ reason, party, certainty string }

var healthy = verdict{"none", "none", "proven"}

func (v verdict) String() string {
	if v == (verdict{}) {
		return "no verdict"
	}
	return v.reason + "/" + v.party + "/" + v.certainty
}

// verdict is zero unless there is exactly one.
func (m metrics) verdict() verdict {
	found := m.named("verdict_info")
	if len(found) != 1 || found[0].value != 1 {
		return verdict{}
	}
	labels := found[0].labels
	return verdict{labels["reason"], labels["party"], labels["certainty"]}
}
