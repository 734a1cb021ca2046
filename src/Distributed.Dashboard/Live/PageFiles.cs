using System.IO.Compression;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Distributed.Dashboard.Live;

/// <summary>The page's files, as they were built into the assembly.</summary>
internal static class PageFiles
{
    private const string Prefix = "live/";
    private const string Charts = "echarts.min.js";

    private static readonly Dictionary<string, PageFile> s_files = Read();

    /// <summary>Whether the program was built with what draws charts.</summary>
    public static bool HasCharts => s_files.ContainsKey("/" + Charts);

    public static async Task ServeAsync(HttpContext context, string path)
    {
        HttpResponse response = context.Response;
        if (!s_files.TryGetValue(path == "/" ? "/index.html" : path, out PageFile? file))
        {
            response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        response.Headers.ETag = file.Tag;
        // A page that stays open while the program is renewed must not mix both programs' files.
        response.Headers.CacheControl = "no-cache";
        if (context.Request.Headers.IfNoneMatch == file.Tag)
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        response.ContentType = file.Type;
        bool isPacked = context.Request.Headers.AcceptEncoding.ToString()
            .Contains("gzip", StringComparison.Ordinal);
        response.Headers.Vary = "Accept-Encoding";
        if (isPacked)
            response.Headers.ContentEncoding = "gzip";
        byte[] content = isPacked ? file.Packed.Value : file.Content;
        response.ContentLength = content.Length;
        await response.Body.WriteAsync(content, context.RequestAborted);
    }

    private static Dictionary<string, PageFile> Read()
    {
        var files = new Dictionary<string, PageFile>(StringComparer.Ordinal);
        foreach (string name in typeof(PageFiles).Assembly.GetManifestResourceNames())
        {
            bool isCharts = name == Charts;
            if (!isCharts && !name.StartsWith(Prefix, StringComparison.Ordinal))
                continue;
            using Stream stream = typeof(PageFiles).Assembly.GetManifestResourceStream(name)!;
            var content = new byte[stream.Length];
            stream.ReadExactly(content);
            string path = isCharts ? name : name[Prefix.Length..];
            files.Add("/" + path, new PageFile(TypeOf(path), content));
        }

        return files;
    }

    private static string TypeOf(string name) => Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".svg" => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    };

    private sealed class PageFile(string type, byte[] content)
    {
        public string Type => type;

        public byte[] Content => content;

        public string Tag { get; } =
            $"\"{Convert.ToHexStringLower(SHA256.HashData(content))[..16]}\"";

        public Lazy<byte[]> Packed { get; } = new(() =>
        {
            using var packed = new MemoryStream();
            using (var gzip = new GZipStream(packed, CompressionLevel.Optimal))
                gzip.Write(content);
            return packed.ToArray();
        });
    }
}
