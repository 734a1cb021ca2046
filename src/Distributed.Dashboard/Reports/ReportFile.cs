using System.Text;
using Distributed.Kernel;

namespace Distributed.Dashboard.Reports;

/// <summary>A report's file: an earlier one stays as it was until the new one is whole.</summary>
internal static class ReportFile
{
    public static void Write(string path, Action<TextWriter> write)
    {
        string partial = path + ".partial";
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
                Directory.CreateDirectory(folder);
            using (var file = new StreamWriter(partial, append: false, new UTF8Encoding(false)))
            {
                file.NewLine = "\n";
                write(file);
            }
            File.Move(partial, path, overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            if (File.Exists(partial))
                File.Delete(partial);
            throw new OperatingException(
                $"the report {path} cannot be written ({failure.Message}): expected a folder of "
                + "yours with room in it; name another file with --out", inner: failure);
        }
    }
}
