<?xml version="1.0" encoding="UTF-8"?>
<!-- Shows an Atom feed to a person who opened it in a browser; programs read the same bytes and ignore this. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:a="http://www.w3.org/2005/Atom"
    xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2" exclude-result-prefixes="a cap">
  <xsl:output method="html" encoding="UTF-8" doctype-system="about:legacy-compat"/>

  <xsl:template match="/a:feed">
    <html lang="ja">
      <head>
        <title><xsl:value-of select="a:title"/></title>
        <meta name="viewport" content="width=device-width,initial-scale=1"/>
        <link rel="stylesheet" href="/static/site.css"/>
      </head>
      <body>
        <main class="wide">
          <div class="now">
            <h1><xsl:value-of select="a:title"/></h1>
            <p class="at"><xsl:call-template name="moment"><xsl:with-param name="at" select="a:updated"/></xsl:call-template> 更新</p>
          </div>
          <p class="note">これは Atom フィードです。このページのアドレスをフィードリーダーに登録すると、新しい情報が届きます。
            <span lang="en">This is an Atom feed: give its address to a feed reader.</span></p>
          <xsl:if test="not(a:entry)"><p class="calm"><strong>現在、このフィードに情報はありません。</strong></p></xsl:if>
          <xsl:apply-templates select="a:entry"/>
          <p class="links"><xsl:apply-templates select="a:link[@rel='prev-archive']"/></p>
        </main>
      </body>
    </html>
  </xsl:template>

  <xsl:template match="a:entry">
    <article class="card">
      <div class="rail"></div>
      <div>
        <h3><xsl:call-template name="heading"/></h3>
        <p class="place"><xsl:value-of select="cap:areaDesc"/></p>
        <p class="text"><xsl:value-of select="a:summary"/></p>
        <p class="meta"><span><xsl:value-of select="a:author/a:name"/></span>
          <xsl:call-template name="moment"><xsl:with-param name="at" select="a:updated"/></xsl:call-template></p>
      </div>
    </article>
  </xsl:template>

  <xsl:template name="heading">
    <xsl:variable name="page" select="a:link[@rel='alternate' and @type='text/html']/@href"/>
    <xsl:choose>
      <xsl:when test="starts-with($page, 'http://') or starts-with($page, 'https://') or starts-with($page, '/')">
        <a href="{$page}"><xsl:value-of select="a:title"/></a>
      </xsl:when>
      <xsl:otherwise><xsl:value-of select="a:title"/></xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template match="a:link">
    <a href="{@href}">以前の情報 <span lang="en">Earlier</span></a>
  </xsl:template>

  <xsl:template name="moment">
    <xsl:param name="at"/>
    <time datetime="{$at}"><xsl:value-of select="substring($at, 1, 10)"/>&#160;<xsl:value-of select="substring($at, 12, 5)"/></time>
  </xsl:template>
</xsl:stylesheet>
