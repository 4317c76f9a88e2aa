
# The page of "social_status html", which is compiled into the module.

social_page=$ngx_addon_dir/ngx_social_module/http/status/page

cat << END                                                    >> $NGX_MAKEFILE

$NGX_OBJS/ngx_http_social_page_files.c:	$social_page/page.html \\
	$social_page/page.css $social_page/page.js $ngx_addon_dir/scripts/embed
	sh $ngx_addon_dir/scripts/embed \\
		ngx_http_social_page_html=$social_page/page.html \\
		ngx_http_social_page_css=$social_page/page.css \\
		ngx_http_social_page_js=$social_page/page.js \\
		> \$@.new && mv \$@.new \$@

END
