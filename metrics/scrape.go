package metrics

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// inMaintenance changes with the time and not with a run.
var inMaintenance = gauge("target_maintenance", "Whether the target is in a planned maintenance: 1 it is, 0 it is not, absent if none is planned for it.")

// ofTargets lists the families of all targets but for target_labels, by name.
var ofTargets = func() []*family {
	families := append(slices.Clone(counters), inMaintenance)
	for _, m := range targetMetrics {
		families = append(families, m.family)
	}
	for _, m := range resultMetrics {
		families = append(families, m.family)
	}
	slices.SortFunc(families, byName)
	return families
}()

func byName(a, b *family) int { return strings.Compare(a.name, b.name) }

// reserved makes the registry reject other metrics with the names of ofTargets.
type reserved struct{}

func (reserved) Describe(descs chan<- *prometheus.Desc) {
	for _, f := range ofTargets {
		descs <- prometheus.NewDesc(f.name, f.help, f.labels, nil)
	}
}

func (reserved) Collect(chan<- prometheus.Metric) {}

// scrape is what one scrape serves.
type scrape struct {
	families []*family // of all targets, by name
	targets  []scraped // by name
	others   []*dto.MetricFamily
}

type scraped struct {
	*target
	stale bool
	// own are the samples that are not rendered once per run.
	own []sample
}

// scrape returns an error if some samples are left out.
func (r *Recorder) scrape() (scrape, error) {
	others, err := r.registry.Gather()
	r.mu.RLock()
	s, targets, labels, planned := scrape{others: others}, slices.Collect(maps.Values(r.targets)), r.labels, r.planned
	r.mu.RUnlock()
	at, _ := slices.BinarySearchFunc(ofTargets, labels, byName)
	s.families = slices.Insert(slices.Clone(ofTargets), at, labels)
	slices.SortFunc(targets, func(a, b *target) int { return cmp.Compare(a.Target.Name, b.Target.Name) })
	now, errs := time.Now(), []error{err}
	for _, t := range targets {
		own := []sample{labelsOf(t.Target, labels)}
		if windows := planned[t.Target.Name]; len(windows) > 0 {
			own = append(own, sample{family: inMaintenance, value: oneIf(windows.At(now).Active())})
		}
		s.targets = append(s.targets, scraped{t, t.Stale(now), own})
		errs = append(errs, t.err, own[0].check(t.Target.Name))
	}
	s.others = slices.DeleteFunc(s.others, func(f *dto.MetricFamily) bool {
		_, taken := slices.BinarySearchFunc(s.families, f.GetName(), func(f *family, name string) int { return strings.Compare(f.name, name) })
		if taken {
			errs = append(errs, fmt.Errorf("a collector has the metric %s, which is one of targets", f.GetName()))
		}
		return taken
	})
	return s, errors.Join(errs...)
}

// writeText writes the text format, in which a family is its HELP, its TYPE and the samples
// of one target after another.
func (s scrape) writeText(w *bufio.Writer, format expfmt.Format) error {
	var errs []error
	encoder, families := expfmt.NewEncoder(w, format), s.families
	for _, other := range s.others {
		for len(families) > 0 && families[0].name < other.GetName() {
			s.writeFamily(w, families[0])
			families = families[1:]
		}
		errs = append(errs, encoder.Encode(other))
	}
	for _, f := range families {
		s.writeFamily(w, f)
	}
	return errors.Join(append(errs, w.Flush())...)
}

func (s scrape) writeFamily(w *bufio.Writer, f *family) {
	var b []byte
	head := f.textHead()
	for _, t := range s.targets {
		if b = t.appendText(b[:0], f); len(b) > 0 {
			_, _ = w.WriteString(head) // Flush returns the error
			_, _ = w.Write(b)
			head = ""
		}
	}
}

// appendText appends the samples of one family and target.
func (t scraped) appendText(b []byte, f *family) []byte {
	for _, own := range t.own {
		if own.family == f && own.check(t.Target.Name) == nil {
			return own.appendText(b, t.Target.Name)
		}
	}
	switch {
	case f.kind == dto.MetricType_COUNTER:
		for _, c := range t.counts {
			if c.family == f {
				b = c.appendText(b, t.Target.Name)
			}
		}
	case t.stale:
		b = append(b, t.lasting[f]...)
	default:
		b = append(b, t.gauges[f]...)
	}
	return b
}

// metricFamilies returns what a registry would, in its order.
func (s scrape) metricFamilies() []*dto.MetricFamily {
	metrics := map[*family][]*dto.Metric{}
	for _, t := range s.targets {
		name := t.Target.Name
		for _, one := range append(samplesOf(t.TargetState), t.own...) {
			if one.check(name) == nil && !(t.stale && one.dropWhenStale) {
				metrics[one.family] = append(metrics[one.family], one.metric(name))
			}
		}
		for _, c := range t.counts {
			m := c.metric(name)
			m.Counter.CreatedTimestamp = timestamppb.New(c.since)
			metrics[c.family] = append(metrics[c.family], m)
		}
	}
	families := s.others
	for f, m := range metrics {
		slices.SortFunc(m, byLabels)
		families = append(families, &dto.MetricFamily{Name: &f.name, Help: &f.help, Type: &f.kind, Metric: m})
	}
	slices.SortFunc(families, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return families
}

// byLabels compares metrics of one family by the values of their labels.
func byLabels(a, b *dto.Metric) int {
	return slices.CompareFunc(a.Label, b.Label, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetValue(), b.GetValue()) })
}

// Gather returns what a scrape serves. It implements [prometheus.Gatherer].
func (r *Recorder) Gather() ([]*dto.MetricFamily, error) {
	s, err := r.scrape()
	return s.metricFamilies(), err
}
