package deploy

import (
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The types below have the fields that the chart sets, with the names in the operators' own Go types, which are not published in a form
// that this module could import.

// vmServiceScrape is VMServiceScrape in api/operator/v1beta1 of github.com/VictoriaMetrics/operator.
type vmServiceScrape struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata"`
	Spec            struct {
		JobLabel          string                       `json:"jobLabel"`
		SampleLimit       int                          `json:"sampleLimit"`
		Selector          meta.LabelSelector           `json:"selector"`
		NamespaceSelector monitoring.NamespaceSelector `json:"namespaceSelector"`
		Endpoints         []struct {
			Port                 string           `json:"port"`
			Scheme               string           `json:"scheme"`
			Interval             string           `json:"interval"`
			ScrapeTimeout        string           `json:"scrapeTimeout"`
			HonorLabels          bool             `json:"honorLabels"`
			TLSConfig            map[string]any   `json:"tlsConfig"`
			BasicAuth            map[string]any   `json:"basicAuth"`
			Authorization        map[string]any   `json:"authorization"`
			RelabelConfigs       []map[string]any `json:"relabelConfigs"`
			MetricRelabelConfigs []map[string]any `json:"metricRelabelConfigs"`
		} `json:"endpoints"`
	} `json:"spec"`
}

// vmRule is VMRule in api/operator/v1beta1 of github.com/VictoriaMetrics/operator. Its groups have the fields of the Prometheus operator's.
type vmRule struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata"`
	Spec            monitoring.PrometheusRuleSpec `json:"spec"`
}

// podMonitoring is PodMonitoring in pkg/operator/apis/monitoring/v1 of github.com/GoogleCloudPlatform/prometheus-engine.
type podMonitoring struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata"`
	Spec            struct {
		Selector  meta.LabelSelector `json:"selector"`
		Endpoints []struct {
			Port             string           `json:"port"`
			Scheme           string           `json:"scheme"`
			Interval         string           `json:"interval"`
			Timeout          string           `json:"timeout"`
			TLS              map[string]any   `json:"tls"`
			BasicAuth        map[string]any   `json:"basicAuth"`
			Authorization    map[string]any   `json:"authorization"`
			MetricRelabeling []map[string]any `json:"metricRelabeling"`
		} `json:"endpoints"`
		Limits struct {
			Samples uint64 `json:"samples"`
		} `json:"limits"`
	} `json:"spec"`
}
