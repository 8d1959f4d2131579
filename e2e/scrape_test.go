package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// get requests a path from one of the exporter's listeners. Status 0 means no response.
func get(address, path string) (status int, body string) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + address + path)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.TeeReader(response.Body, &allOutput))
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(content)
}

// An exposition is the result of one scrape. Its methods take metric names without the prefix
// vault_k8s_auth_.
type exposition map[string]*dto.MetricFamily

func scrape(t testing.TB, address string) exposition {
	t.Helper()
	_, body := get(address, "/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatalf("parsing /metrics: %v", err)
	}
	return families
}

// value formats the first sample of a gauge or counter, or returns "absent".
func (e exposition) value(name string) string {
	family := e["vault_k8s_auth_"+name]
	if family == nil || len(family.Metric) == 0 {
		return "absent"
	}
	m := family.Metric[0]
	return fmt.Sprint(m.GetGauge().GetValue() + m.GetCounter().GetValue())
}

// counter is the first sample of a counter, which must exist.
func (e exposition) counter(name string) float64 {
	return e["vault_k8s_auth_"+name].GetMetric()[0].GetCounter().GetValue()
}

// label is a label of the first sample of a metric, or "absent" if there is no sample.
func (e exposition) label(name, label string) string {
	family := e["vault_k8s_auth_"+name]
	if family == nil || len(family.Metric) == 0 {
		return "absent"
	}
	for _, pair := range family.Metric[0].Label {
		if pair.GetName() == label {
			return pair.GetValue()
		}
	}
	return ""
}

// sample is the value of the gauge with this label, or "absent".
func (e exposition) sample(name, label, value string) string {
	for _, m := range e["vault_k8s_auth_"+name].GetMetric() {
		for _, pair := range m.Label {
			if pair.GetName() == label && pair.GetValue() == value {
				return fmt.Sprint(m.GetGauge().GetValue())
			}
		}
	}
	return "absent"
}

// verdict formats everything that the metrics say about the target's health.
func (e exposition) verdict() string {
	return fmt.Sprintf("up %s, reviewer_up %s, canary_login_up %s, reason %s, component %s, certainty %s",
		e.value("up"), e.value("reviewer_up"), e.value("canary_login_up"),
		e.label("verdict_info", "reason"), e.label("verdict_info", "component"), e.label("verdict_info", "certainty"))
}

const healthyVerdict = "up 1, reviewer_up 1, canary_login_up 1, reason none, component none, certainty proven"
