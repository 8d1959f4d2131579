package metrics

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// family is one metric of all targets.
type family struct {
	name, help string
	kind       dto.MetricType
	labels     []string // target first
	sorted     []int    // the indices of labels, in the order of their names
	before     []string // in the text format, what precedes the value of each of the sorted labels
}

func newFamily(kind dto.MetricType, name, help string, labels ...string) *family {
	f := &family{name: prometheus.BuildFQName(namespace, "", name), help: help, kind: kind, labels: append([]string{"target"}, labels...)}
	for i := range f.labels {
		f.sorted = append(f.sorted, i)
	}
	slices.SortFunc(f.sorted, func(a, b int) int { return cmp.Compare(f.labels[a], f.labels[b]) })
	before := f.name + "{"
	for _, i := range f.sorted {
		f.before = append(f.before, before+f.labels[i]+`="`)
		before = `",`
	}
	return f
}

// gauge returns the family of a gauge.
func gauge(name, help string, labels ...string) *family {
	return newFamily(dto.MetricType_GAUGE, name, help, labels...)
}

// sample is one line of the exposition.
type sample struct {
	*family
	labelValues []string // those of the target's labels are left out: every sample of a target has the same
	value       float64
	// dropWhenStale is set if the sample says that all is well, which an old result
	// no longer shows.
	dropWhenStale bool
}

// check returns an error if the sample cannot be served.
func (s sample) check(target string) error {
	if len(s.labelValues)+1 != len(s.labels) {
		return fmt.Errorf("%s of target %q has %d labels, want %d", s.name, target, len(s.labelValues)+1, len(s.labels))
	}
	if !utf8.ValidString(target) || slices.ContainsFunc(s.labelValues, func(v string) bool { return !utf8.ValidString(v) }) {
		return fmt.Errorf("%s of target %q has a label that is not valid UTF-8", s.name, target)
	}
	return nil
}

func (s sample) labelValue(i int, target string) string {
	if i == 0 {
		return target
	}
	return s.labelValues[i-1]
}

// appendText appends the sample in the text format.
func (s sample) appendText(b []byte, target string) []byte {
	for at, i := range s.sorted {
		b = append(b, s.before[at]...)
		b = appendEscaped(b, s.labelValue(i, target))
	}
	b = append(b, `"} `...)
	return append(appendFloat(b, s.value), '\n')
}

// metric returns the sample as client_golang's registry would.
func (s sample) metric(target string) *dto.Metric {
	m := &dto.Metric{Label: make([]*dto.LabelPair, 0, len(s.sorted))}
	for _, i := range s.sorted {
		m.Label = append(m.Label, &dto.LabelPair{Name: &s.labels[i], Value: new(s.labelValue(i, target))})
	}
	if s.kind == dto.MetricType_COUNTER {
		m.Counter = &dto.Counter{Value: new(s.value)}
	} else {
		m.Gauge = &dto.Gauge{Value: new(s.value)}
	}
	return m
}

var (
	helpEscaper  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func (f *family) textHead() string {
	return "# HELP " + f.name + " " + helpEscaper.Replace(f.help) + "\n# TYPE " + f.name + " " + strings.ToLower(f.kind.String()) + "\n"
}

func appendEscaped(b []byte, value string) []byte {
	if strings.ContainsAny(value, "\\\"\n") {
		value = labelEscaper.Replace(value)
	}
	return append(b, value...)
}

// appendFloat writes a value as client_golang does.
func appendFloat(b []byte, value float64) []byte {
	switch {
	case math.IsInf(value, 0), math.IsNaN(value): // "+Inf", "-Inf" and "NaN"
		return strconv.AppendFloat(b, value, 'f', -1, 64)
	case value == math.Trunc(value) && math.Abs(value) < 1e6:
		return strconv.AppendInt(b, int64(value), 10)
	}
	return strconv.AppendFloat(b, value, 'g', -1, 64)
}
