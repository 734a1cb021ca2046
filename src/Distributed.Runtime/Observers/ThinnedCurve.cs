namespace Distributed.Runtime.Observers;

/// <summary>
/// Points over a run of any length in bounded memory: where they become too many, every other one
/// goes, and from then on only as many are taken.
/// </summary>
internal sealed class ThinnedCurve
{
    private const int PointsMax = 2_000;

    private readonly List<CurvePoint> _points = [];
    private long _stride = 1;

    public IReadOnlyList<CurvePoint> Points => [.. _points];

    public void Add(CurvePoint point)
    {
        if (_points.Count > 0 && point.Step < _points[^1].Step + _stride)
            return;
        _points.Add(point);
        if (_points.Count < PointsMax)
            return;
        int kept = 0;
        for (int index = 0; index < _points.Count; index += 2)
            _points[kept++] = _points[index];
        _points.RemoveRange(kept, _points.Count - kept);
        _stride = Math.Max(_stride * 2, (_points[^1].Step - _points[0].Step) / kept);
    }

    public void CutAfter(long step) => _points.RemoveAll(point => point.Step > step);
}
