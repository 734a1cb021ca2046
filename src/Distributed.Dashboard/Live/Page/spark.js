// A small line without axes.

import { fit, theme } from "./dom.js";

export function spark(canvas, values, colour) {
  const { context, width, height } = fit(canvas);
  if (values.length < 2 || width === 0) return;
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (high - low < Math.abs(high) * 1e-3) {
    low -= Math.abs(high) * 0.1 + 1e-9;
    high += Math.abs(high) * 0.1 + 1e-9;
  }
  const x = index => 1 + (width - 4) * index / (values.length - 1);
  const y = value => 3 + (height - 6) * (1 - (value - low) / (high - low));
  context.beginPath();
  values.forEach((value, index) => context.lineTo(x(index), y(value)));
  context.strokeStyle = colour;
  context.lineWidth = 1.6;
  context.lineJoin = "round";
  context.stroke();
  context.lineTo(x(values.length - 1), height);
  context.lineTo(x(0), height);
  context.closePath();
  context.globalAlpha = 0.1;
  context.fillStyle = colour;
  context.fill();
  context.globalAlpha = 1;
  context.beginPath();
  context.arc(x(values.length - 1), y(values[values.length - 1]), 2.2, 0, 7);
  context.fillStyle = theme().ink;
  context.fill();
}
