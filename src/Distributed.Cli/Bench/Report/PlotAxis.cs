namespace Distributed.Cli.Bench.Report;

/// <summary>Leads values to places on the page, and knows where ticks look well.</summary>
internal sealed class PlotAxis
{
    private const int TicksMax = 9;

    private readonly bool _isLog;
    private readonly double _low;
    private readonly double _high;
    private readonly double _from;
    private readonly double _to;

    private PlotAxis(bool isLog, double low, double high, double from, double to)
    {
        (_isLog, _low, _high, _from, _to) = (isLog, low, high, from, to);
    }

    public IReadOnlyList<double> Ticks { get; private init; } = [];

    /// <summary>An axis whose ticks are the values themselves, such as sizes.</summary>
    public static PlotAxis Of(IReadOnlyList<double> values, bool isLog, double from, double to)
    {
        double[] distinct = [.. values.Distinct().Order()];
        var axis = new PlotAxis(isLog, Scale(isLog, distinct[0]), Scale(isLog, distinct[^1]),
            from, to)
        {
            Ticks = distinct.Length <= TicksMax ? distinct : [],
        };
        return distinct.Length <= TicksMax ? axis : Rounded(values, isLog, from, to);
    }

    /// <summary>An axis that begins and ends at round values.</summary>
    public static PlotAxis Rounded(
        IReadOnlyList<double> values, bool isLog, double from, double to)
    {
        double low = values.Min(), high = values.Max();
        double step;
        if (isLog)
        {
            low = Math.Floor(Math.Log10(low));
            high = Math.Max(Math.Ceiling(Math.Log10(high)), low + 1);
            step = 1;
        }
        else
        {
            low = Math.Min(low, 0);
            step = RoundStep((high - low) / (TicksMax - 3));
            high = Math.Max(Math.Ceiling(high / step), 1) * step;
        }

        int count = (int)Math.Round((high - low) / step) + 1;
        return new PlotAxis(isLog, low, high, from, to)
        {
            Ticks =
            [
                .. Enumerable.Range(0, count).Select(index => isLog
                    ? Math.Pow(10, low + index)
                    : low + index * step),
            ],
        };
    }

    public double At(double value) => _high > _low
        ? _from + (Scale(_isLog, value) - _low) / (_high - _low) * (_to - _from)
        : (_from + _to) / 2;

    private static double Scale(bool isLog, double value) => isLog ? Math.Log10(value) : value;

    /// <summary>The next of 1, 2, 5, 10, 20, 50…</summary>
    private static double RoundStep(double least)
    {
        if (least <= 0)
            return 1;
        double power = Math.Pow(10, Math.Floor(Math.Log10(least)));
        double digit = new[] { 1.0, 2, 5, 10 }.First(round => round * power >= least * 0.999);
        return digit * power;
    }
}
