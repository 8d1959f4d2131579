package docs_test

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// chart is one panel of docs/images/performance.svg: a column of docs/performance.csv by the
// number of targets.
type chart struct {
	column, title, unit string
	budget              float64 // at 1 000 targets
}

var charts = []chart{
	{"cpu_ms_per_run", "CPU per run", "ms", 0},
	{"resident_mib", "resident memory", "MiB", 110},
	{"scrape_cpu_ms", "CPU of a scrape", "ms", 100},
}

// The size of a panel and of its plot, in pixels.
const (
	panelWidth, panelHeight = 280, 220
	plotLeft, plotTop       = 46, 40
	plotWidth, plotHeight   = 210, 140
)

// TestPerformanceChart keeps the chart in step with the data that make bench writes.
func TestPerformanceChart(t *testing.T) {
	file, err := os.Open("performance.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11" role="img">
<title>The exporter by the number of its targets</title>
<style>text{fill:#57606a}.title{font-weight:bold;fill:#24292f}.axis{stroke:#d0d7de}.line{fill:none;stroke:#0969da;stroke-width:2}circle{fill:#0969da}.budget{stroke:#bc4c00;stroke-dasharray:4 3}
@media(prefers-color-scheme:dark){text{fill:#8b949e}.title{fill:#e6edf3}.axis{stroke:#30363d}}</style>
`, len(charts)*panelWidth, panelHeight)
	targets := column(t, records, "targets")
	for i, c := range charts {
		fmt.Fprintf(&svg, `<g transform="translate(%d 0)">`+"\n", i*panelWidth)
		c.draw(&svg, targets, column(t, records, c.column))
		svg.WriteString("</g>\n")
	}
	svg.WriteString("</svg>\n")
	const path = "images/performance.svg"
	if *update {
		if err := os.WriteFile(path, []byte(svg.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if drawn, err := os.ReadFile(path); err != nil || string(drawn) != svg.String() {
		t.Errorf("docs/%s is stale (%v); go test ./docs -update draws it from performance.csv", path, err)
	}
}

func column(t *testing.T, records [][]string, name string) (values []float64) {
	t.Helper()
	at := slices.Index(records[0], name)
	if at < 0 {
		t.Fatalf("performance.csv has no column %s", name)
	}
	for _, record := range records[1:] {
		value, err := strconv.ParseFloat(record[at], 64)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
	}
	return values
}

// draw draws the values on a linear axis that begins at 0, and the targets on a logarithmic one.
func (c chart) draw(svg *strings.Builder, targets, values []float64) {
	top := roundUp(max(slices.Max(values), c.budget))
	last := math.Log10(slices.Max(targets))
	x := func(n float64) float64 { return plotLeft + plotWidth*math.Log10(n)/last }
	y := func(value float64) float64 { return plotTop + plotHeight*(1-value/top) }
	fmt.Fprintf(svg, `<text class="title" x="%d" y="18">%s, %s</text>`+"\n", plotLeft, c.title, c.unit)
	for _, tick := range []float64{0, top / 2, top} {
		fmt.Fprintf(svg, `<path class="axis" d="M%d %.1fh%d"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n", plotLeft, y(tick), plotWidth, plotLeft-6, y(tick)+4, tick)
	}
	if c.budget > 0 {
		fmt.Fprintf(svg, `<path class="budget" d="M%d %.1fh%d"/><text x="%d" y="%.1f">budget of 1 000 targets</text>`+"\n", plotLeft, y(c.budget), plotWidth, plotLeft+4, y(c.budget)-4)
	}
	var points []string
	for i, n := range targets {
		points = append(points, fmt.Sprintf("%.1f,%.1f", x(n), y(values[i])))
		fmt.Fprintf(svg, `<circle cx="%.1f" cy="%.1f" r="3"><title>%g targets: %g %s</title></circle><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			x(n), y(values[i]), n, values[i], c.unit, x(n), plotTop+plotHeight+18, strings.Replace(fmt.Sprint(n), "000", "k", 1))
	}
	fmt.Fprintf(svg, `<polyline class="line" points="%s"/><text x="%d" y="%d" text-anchor="middle">targets</text>`+"\n",
		strings.Join(points, " "), plotLeft+plotWidth/2, plotTop+plotHeight+34)
}

// roundUp returns the next number that is 1, 2 or 5 times a power of ten.
func roundUp(value float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(value)))
	for _, step := range []float64{1, 2, 5} {
		if value <= step*power {
			return step * power
		}
	}
	return 10 * power
}
