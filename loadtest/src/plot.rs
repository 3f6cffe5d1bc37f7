//! Two drawings: latency by percentile, throughput over time.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;

use crate::report::{Figures, Report};

const SIZE: (u32, u32) = (960, 540);
const FONT: (&str, u32) = ("sans-serif", 16);
const COLOURS: [RGBColor; 6] = [
    RGBColor(31, 95, 168),
    RGBColor(204, 85, 0),
    RGBColor(34, 139, 84),
    RGBColor(160, 32, 110),
    RGBColor(90, 90, 90),
    RGBColor(150, 120, 0),
];

/// Writes `latency.svg` and `throughput.svg` into `directory`, one line a report.
pub(crate) fn draw(reports: &[Report], directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("could not create {}", directory.display()))?;
    for (file, drawn) in [("latency.svg", latency(reports)), ("throughput.svg", throughput(reports))] {
        let path = directory.join(file);
        fs::write(&path, drawn?).with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}

/// Latency in milliseconds over 1 / (1 - percentile): each decade is one more nine.
fn latency_points(figures: &Figures) -> Vec<(f64, f64)> {
    let histogram = figures.latencies();
    let total = histogram.len() as f64;
    let mut below = 0;
    let mut points = Vec::new();
    for (value, count) in &figures.histogram {
        // A bucket's value holds from the rank of its first request to that of its last.
        let millis = *value as f64 / 1e3;
        points.push((total / (total - below as f64), millis));
        below += count;
        points.push((total / (total - below as f64).max(0.5), millis));
    }
    points
}

fn latency(reports: &[Report]) -> Result<String> {
    let lines: Vec<Vec<(f64, f64)>> = reports.iter().map(|report| latency_points(&report.figures)).collect();
    let all = || lines.iter().flatten();
    let nines = all().map(|point| point.0).fold(10.0, f64::max);
    let low = all().map(|point| point.1).fold(f64::INFINITY, f64::min).clamp(0.001, 1e6);
    let high = all().map(|point| point.1).fold(low * 2.0, f64::max);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(undrawable)?;
        let mut chart = ChartBuilder::on(&area)
            .caption("latency by percentile", ("sans-serif", 22))
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(80)
            .build_cartesian_2d((1.0..nines).log_scale(), (low..high * 1.1).log_scale())
            .map_err(undrawable)?;
        chart
            .configure_mesh()
            .x_desc("percentile")
            .y_desc("milliseconds")
            .label_style(FONT)
            .x_label_formatter(&|nines| percentile_label(*nines))
            .draw()
            .map_err(undrawable)?;
        for ((report, line), colour) in reports.iter().zip(lines).zip(COLOURS.iter().cycle()) {
            let colour = *colour;
            chart
                .draw_series(LineSeries::new(line, colour.stroke_width(2)))
                .map_err(undrawable)?
                .label(&report.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .label_font(FONT)
            .background_style(WHITE)
            .border_style(BLACK.mix(0.3))
            .draw()
            .map_err(undrawable)?;
        area.present().map_err(undrawable)?;
    }
    Ok(svg)
}

/// 1, 10, 100 become 0 %, 90 %, 99 %.
fn percentile_label(nines: f64) -> String {
    let percent = 100.0 - 100.0 / nines;
    let digits = (nines.log10() - 2.0).ceil().max(0.0) as usize;
    format!("{percent:.digits$} %")
}

fn throughput(reports: &[Report]) -> Result<String> {
    let seconds = reports.iter().map(|report| report.figures.per_second.len()).max().unwrap_or(0);
    let high = reports.iter().flat_map(|report| &report.figures.per_second).max().copied().unwrap_or(0);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(undrawable)?;
        let mut chart = ChartBuilder::on(&area)
            .caption("decisions a second", ("sans-serif", 22))
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(80)
            .build_cartesian_2d(0.0..seconds.max(2) as f64 - 1.0, 0.0..high.max(1) as f64 * 1.3)
            .map_err(undrawable)?;
        chart
            .configure_mesh()
            .x_desc("seconds")
            .max_light_lines(1)
            .label_style(FONT)
            .y_label_formatter(&|rate| format!("{rate:.0}"))
            .draw()
            .map_err(undrawable)?;
        for (report, colour) in reports.iter().zip(COLOURS.iter().cycle()) {
            let colour = *colour;
            let line = report.figures.per_second.iter().enumerate();
            chart
                .draw_series(LineSeries::new(
                    line.map(|(second, count)| (second as f64, *count as f64)),
                    colour.stroke_width(2),
                ))
                .map_err(undrawable)?
                .label(&report.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .label_font(FONT)
            .background_style(WHITE)
            .border_style(BLACK.mix(0.3))
            .draw()
            .map_err(undrawable)?;
        area.present().map_err(undrawable)?;
    }
    Ok(svg)
}

/// The drawing library's errors borrow the canvas, so only their words are kept.
fn undrawable(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("could not draw: {error}")
}
