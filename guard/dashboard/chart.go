// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"fmt"

	"github.com/panoply-security/panoply/guard/history"
	"github.com/panoply-security/panoply/rule"
)

// The chart's measures, in units of its view box.
const (
	chartWidth  = 720
	chartHeight = 140
	barGap      = 2
)

// Chart is a bar chart: a bar for each stretch of time, in one part for each mistake.
type Chart struct {
	Width, Height int
	From, To      string
	Max           int64 // the highest bar
	Total         int64
	Bars          []ChartBar
	Legend        []Kind // that occur
}

// ChartBar is one bar.
type ChartBar struct {
	X, Width int
	Label    string
	Parts    []Part
}

// Part is what one mistake has of a bar.
type Part struct{ Kind, Y, Height int }

// Kind is a mistake, 0 for a request that could be read in two ways.
type Kind struct {
	Number int
	Name   string
	Count  int64
}

// kindName is the name of a mistake.
func kindName(n int) string {
	if n == 0 {
		return "Requests that could be read in two ways"
	}
	return rule.Mistakes[n-1].Name
}

// draw makes a chart of what of picks.
func draw(w history.Window, of func(history.Count) int64, layout string) Chart {
	c := Chart{Width: chartWidth, Height: chartHeight}
	if n := len(w.Bars); n > 0 {
		c.From, c.To = w.Bars[0].Start.UTC().Format(layout), w.Bars[n-1].Start.UTC().Format(layout)+" UTC"
	}
	for k, n := range w.Counts {
		if of(n) > 0 {
			c.Legend = append(c.Legend, Kind{k, kindName(k), of(n)})
			c.Total += of(n)
		}
	}
	sums := make([]int64, len(w.Bars))
	for i, b := range w.Bars {
		for _, n := range b.Counts {
			sums[i] += of(n)
		}
		c.Max = max(c.Max, sums[i])
	}
	if c.Max == 0 {
		return c
	}
	step := chartWidth / len(w.Bars)
	for i, b := range w.Bars {
		if sums[i] == 0 {
			continue
		}
		bar := ChartBar{X: i * step, Width: step - barGap, Label: fmt.Sprintf("%s: %d of %d requests", b.Start.UTC().Format(layout), sums[i], max(b.Requests, sums[i]))}
		// From the running sum, so that no rounding adds up.
		var below int64
		for k, n := range b.Counts {
			from := int(below * chartHeight / c.Max)
			below += of(n)
			if to := int(below * chartHeight / c.Max); to > from {
				bar.Parts = append(bar.Parts, Part{k, chartHeight - to, to - from})
			}
		}
		c.Bars = append(c.Bars, bar)
	}
	return c
}
