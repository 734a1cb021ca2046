using Distributed.Training.Data;

namespace Distributed.Cli.Nodes;

/// <summary>
/// Says what a first fetch of a dataset is doing, once a stage.
/// </summary>
internal sealed class DatasetLine(Action<string> say) : IProgress<DatasetProgress>
{
    private string _said = "";

    public void Report(DatasetProgress value)
    {
        if (value.Text == _said)
            return;
        _said = value.Text;
        say(value.Text);
    }
}
