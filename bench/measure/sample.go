// Package measure times contenders: in turns, so that a busy moment of the machine falls on
// all of them, and with ratios taken within a turn.
package measure

import (
	"math"
	"slices"
)

// Samples are the figures of one thing, one for each round.
type Samples []float64

// Median is the middle figure, 0 if there are none.
func (s Samples) Median() float64 { return s.at(0.5) }

// Spread is the lower and the upper quartile.
func (s Samples) Spread() (low, high float64) { return s.at(0.25), s.at(0.75) }

// at interpolates between the two figures next to the share.
func (s Samples) at(share float64) float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	at := share * float64(len(sorted)-1)
	below, above := int(math.Floor(at)), int(math.Ceil(at))
	return sorted[below] + (sorted[above]-sorted[below])*(at-float64(below))
}

// Over returns s over other, round by round: what the machine did to both falls out. Rounds
// that one of them lacks, or in which other is 0, are left out.
func (s Samples) Over(other Samples) Samples {
	var ratios Samples
	for i := range min(len(s), len(other)) {
		if other[i] != 0 {
			ratios = append(ratios, s[i]/other[i])
		}
	}
	return ratios
}

// Plus adds other round by round.
func (s Samples) Plus(other Samples) Samples {
	var sums Samples
	for i := range min(len(s), len(other)) {
		sums = append(sums, s[i]+other[i])
	}
	return sums
}

// Minus subtracts other round by round.
func (s Samples) Minus(other Samples) Samples {
	negative := make(Samples, len(other))
	for i, v := range other {
		negative[i] = -v
	}
	return s.Plus(negative)
}

// Times multiplies each figure.
func (s Samples) Times(factor float64) Samples {
	var products Samples
	for _, v := range s {
		products = append(products, v*factor)
	}
	return products
}

// Percentile is the figure that p per cent of sorted do not exceed, 0 if there are none.
func Percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p*float64(len(sorted))/100 - 1e-9)) // 99.9 is not exact in floating point
	return sorted[min(max(rank, 1), len(sorted))-1]
}
