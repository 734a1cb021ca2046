namespace Distributed.Training.Data;

/// <summary>
/// A part of a fetch that reports its own progress from 0 to 1 and knows where in the whole it
/// lies, so that no step needs to know what comes before or after it.
/// </summary>
internal readonly record struct ProgressScope(
    IProgress<DatasetProgress>? Target, string Text, double Begin, double End)
{
    public void Report(double fraction) => Target?.Report(new DatasetProgress(
        Text, Begin + (Math.Clamp(fraction, 0, 1) * (End - Begin))));

    public ProgressScope Part(string text, double begin, double end)
    {
        var part = new ProgressScope(
            Target, text, Begin + (begin * (End - Begin)), Begin + (end * (End - Begin)));
        part.Report(0);
        return part;
    }
}
